from __future__ import annotations

import multiprocessing
import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.ledger.database import Database
from pipeline.ledger.known_originals import KnownOriginals
from pipeline.records import RejectedImage, Rejection
from tests.ledger.world import World


def test_bytes_are_known_when_prepared_or_refused_under_this_recipe(
    world: World, tmp_path: Path
) -> None:
    with KnownOriginals(tmp_path / "ledger.db", world.recipe) as known:
        assert not known(bytes([1]) * 32)
        world.image("a.jpg", 1)
        assert known(bytes([1]) * 32)
        refused = RejectedImage(bytes([2]) * 32, Rejection("truncated", "ends too early"))
        world.refuse(refused)
        assert known(bytes([2]) * 32)
    other = world.ledger.specs.recipe({"long_side": 99}, {"max_pixels": 1})
    with KnownOriginals(tmp_path / "ledger.db", other) as known:
        assert not known(bytes([1]) * 32)


def test_it_leaves_no_connection_open(world: World, tmp_path: Path) -> None:
    def held() -> int:
        # not of the ledger itself: SQLite keeps its descriptor while another connection locks it
        names = (os.path.realpath(path) for path in Path("/proc/self/fd").iterdir())
        return sum(name.endswith("ledger.db-wal") for name in names)

    before = held()
    with KnownOriginals(tmp_path / "ledger.db", world.recipe) as known:
        known(bytes([1]) * 32)
        assert held() > before
    assert held() == before
    assert not known(bytes([1]) * 32)  # opened again
    known.close()


def test_threads_ask_it_too_and_any_of_them_may_close_it(world: World, tmp_path: Path) -> None:
    world.image("a.jpg", 1)
    known = KnownOriginals(tmp_path / "ledger.db", world.recipe)
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(known, [bytes([number % 2]) * 32 for number in range(200)]))
        assert answers == [False, True] * 100
        assert known(bytes([1]) * 32)
        threads.submit(known.close).result()


def test_a_copy_asks_the_same_ledger(world: World, tmp_path: Path) -> None:
    world.image("a.jpg", 1)
    with KnownOriginals(tmp_path / "ledger.db", world.recipe) as known:
        assert known(bytes([1]) * 32)  # a connection is open, and stays behind
        with pickle.loads(pickle.dumps(known)) as copy:
            assert copy(bytes([1]) * 32)
            assert not copy(bytes([7]) * 32)


def test_a_worker_process_opens_it_for_itself(world: World, tmp_path: Path) -> None:
    world.image("a.jpg", 1)
    known = KnownOriginals(tmp_path / "ledger.db", world.recipe)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(known, [bytes([1]) * 32, bytes([2]) * 32]) == [True, False]


def test_where_nothing_is_known_it_is_seldom_asked(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.image("a.jpg", 1)
    asked: list[bytes] = []
    is_known = KnownOriginals._is_known

    def noted(known: KnownOriginals, database: Database, source_id: bytes) -> bool:
        asked.append(source_id)
        return is_known(known, database, source_id)

    monkeypatch.setattr(KnownOriginals, "_is_known", noted)
    new = [number.to_bytes(32, "big") for number in range(1000)]
    with KnownOriginals(tmp_path / "ledger.db", world.recipe) as known:
        assert not any(map(known, new[:200]))
        assert len(asked) == 200  # a few that are new are no reason
        assert not any(map(known, new[200:]))
        assert len(asked) < 320
        tried = [known(bytes([1]) * 32) for _ in range(20)]
        assert tried[15:] == [True] * 5  # one of 16 asks, and whoever comes after it
        asked.clear()
        assert not any(map(known, new[:100]))
        assert len(asked) == 100
