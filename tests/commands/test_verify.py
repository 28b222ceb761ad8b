"""A workspace that was really worked in, and then damaged."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.commands.verify import Verdict, verify
from pipeline.config import load_config
from pipeline.errors import BooksError, Busy, UsageError
from pipeline.system.workspace import Workspace
from tests.crash.rig import World
from tests.crash.zygote import Zygote


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    zygote = Zygote()
    with World(zygote, 4, settings={"batch.keep_shards": True}) as made:
        assert made.run() == 0, made.said
        made.add({"late.jpg": 30})
        made.run(kill=("submit.after_create", 1))
        yield made
    zygote.close()


@pytest.fixture
def copy(world: World, tmp_path: Path) -> Path:
    import shutil

    return Path(shutil.copytree(world.workspace, tmp_path / "ws"))


def look(folder: Path) -> Verdict:
    overrides = {"workspace": str(folder), "provider.name": "openai"}
    return verify(load_config(None, overrides))


def change(folder: Path, sql: str) -> None:
    with closing(sqlite3.connect(folder / "ledger.db")) as ledger, ledger:
        ledger.execute(sql)


def test_all_is_well_in_one_line(copy: Path) -> None:
    verdict = look(copy)
    assert verdict.findings == ()
    assert verdict.line.startswith("all is well: 5 images, 2 batches, 4 files, $")


def newest(folder: Path, pattern: str) -> Path:
    return sorted(folder.glob(pattern))[-1]


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a shard is gone": (lambda ws: newest(ws, "shards/*.jsonl").unlink(), "is missing"),
    "a shard is cut": (lambda ws: shorten(newest(ws, "shards/*.jsonl")), "is not what was written"),
    "a raw file is gone": (lambda ws: newest(ws, "raw/*.gz").unlink(), "cannot be rebuilt"),
    "a raw file is cut": (lambda ws: shorten(newest(ws, "raw/*.gz")), "cannot be read"),
    "the table is gone": (lambda ws: (ws / "captions.parquet").unlink(), "captionmill export"),
    "the table is cut": (lambda ws: shorten(ws / "captions.parquet"), "is damaged"),
    "the card is gone": (lambda ws: (ws / "workspace.json").unlink(), "does not name this"),
    "a charge is changed": (
        lambda ws: change(ws, "UPDATE answers SET billed = billed + 1 WHERE id = 1"),
        "nano-dollars settled, but",
    ),
    "an answer is gone": (
        lambda ws: change(ws, "UPDATE works SET answer = NULL WHERE id = 1"),
        "outcomes without an answer: 1",
    ),
    "a reservation is gone": (
        lambda ws: change(ws, "DELETE FROM reservations WHERE id = 1"),
        "batches without a reservation: 1",
    ),
    "a reservation is open again": (
        lambda ws: change(
            ws, "UPDATE reservations SET state = 'open', settled = NULL WHERE id = 1"
        ),
        "settled batches whose reservations are still open: 1",
    ),
    "a line is gone": (lambda ws: change(ws, "DELETE FROM items WHERE live = 1"), "in no shard"),
    "an image is free": (
        lambda ws: change(ws, "UPDATE works SET state = 'pending' WHERE state = 'live'"),
        "whose images are not under way",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_found(name: str, copy: Path) -> None:
    damage, words = DAMAGE[name]
    damage(copy)
    verdict = look(copy)
    assert len(verdict.findings) >= 1
    assert any(words in finding for finding in verdict.findings), verdict.findings
    assert " in " in verdict.line


def test_a_flipped_bit_of_the_table_is_found(copy: Path) -> None:
    path = copy / "captions.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 4
    path.write_bytes(data)
    assert len(look(copy).findings) == 1


def test_a_table_of_another_workspace_is_found(copy: Path) -> None:
    import pyarrow.parquet as pq

    table = pq.read_table(copy / "captions.parquet")
    pq.write_table(table, copy / "captions.parquet", write_page_checksum=True)
    (finding,) = look(copy).findings
    assert "is not the table that was written" in finding


def test_a_damaged_ledger_is_said(copy: Path) -> None:
    for journal in copy.glob("ledger.db-*"):
        journal.unlink()  # SQLite would mend the file from it
    (copy / "ledger.db").write_bytes(b"no database" * 1000)
    with pytest.raises(BooksError, match="captionmill rebuild"):
        look(copy)


def test_no_workspace_and_a_busy_one_are_said(copy: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        look(tmp_path / "none")
    with Workspace(copy).lock(), pytest.raises(Busy):
        look(copy)
