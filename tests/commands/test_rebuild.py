"""Rebuilding as a function; the many ways to lose a ledger are in tests/crash/test_lost.py."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.commands.rebuild import _set_aside, rebuild
from pipeline.config import Config, load_config
from pipeline.errors import ServiceError, StorageError, UsageError
from pipeline.ledger import Ledger
from pipeline.server.faults import BatchFault
from pipeline.session.recall import FORMER_TABLE
from pipeline.system.workspace import Workspace
from tests.crash.child import KEY
from tests.crash.rig import World
from tests.crash.zygote import Zygote
from tests.killing import killed_at
from tests.rig import Rig


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    process = Zygote()
    yield process
    process.close()


@pytest.fixture
def world(zygote: Zygote, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with World(zygote, 4) as made:
        assert made.run() == 0, made.said
        yield made


def config(world: World, **more: object) -> Config:
    overrides = {
        "workspace": str(world.workspace),
        "provider.name": "openai",
        "provider.base_url": world.server.base_url,
    }
    return load_config(str(world.config), {**overrides, **more})


def test_the_books_come_back_to_the_nano_dollar(world: World) -> None:
    bill = world.server.bill.total_nano()
    world.lose_ledger()
    said: list[str] = []
    found = rebuild(config(world), said.append)
    assert (found.batches, found.answers, found.settled) == (2, 4, bill)
    assert (found.open, found.doubtful, found.problems) == (0, 0, [])
    with Ledger(world.workspace / "ledger.db", read_only=True) as ledger:
        assert list(ledger.audit.contradictions()) == []
        assert ledger.get("workspace_id") is not None
        assert ledger.incidents() == [], "what a rebuild is for is nothing to look at"
    assert not list(world.workspace.glob("_ledger*"))


def test_a_damaged_ledger_and_the_table_are_kept_aside(world: World) -> None:
    world.lose_ledger()
    (world.workspace / "ledger.db").write_bytes(b"no database" * 1000)
    table = (world.workspace / "captions.parquet").read_bytes()
    rebuild(config(world), lambda _text: None)
    assert (world.workspace / "lost-ledger.db").read_bytes().startswith(b"no database")
    assert (world.workspace / "captions.before-rebuild.parquet").read_bytes() == table


def test_a_lost_card_is_found_in_the_raw_results(world: World) -> None:
    world.lose_ledger()
    batch_record = world.workspace / "workspace.json"
    before = batch_record.read_bytes()
    batch_record.unlink()
    rebuild(config(world), lambda _text: None)
    assert batch_record.read_bytes() == before


def test_without_any_trace_of_the_id_a_person_is_asked(world: World) -> None:
    world.lose_ledger()
    for path in (world.workspace / "workspace.json", *world.workspace.glob("raw/*")):
        path.unlink()
    with pytest.raises(UsageError, match="captionmill-ID-"):
        rebuild(config(world), lambda _text: None)
    (world.workspace / "captions.parquet").unlink()
    with pytest.raises(UsageError, match="nothing to rebuild"):
        rebuild(config(world), lambda _text: None)


def test_a_silent_service_leaves_the_ledger_lost(world: World) -> None:
    world.lose_ledger()
    nowhere = config(world, **{"provider.base_url": "http://127.0.0.1:9/v1"})
    with pytest.raises(ServiceError):
        rebuild(nowhere, lambda _text: None)
    assert not (world.workspace / "ledger.db").exists()


def test_a_folder_that_is_no_workspace_is_said(world: World, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no workspace"):
        rebuild(config(world, workspace=str(tmp_path / "none")), lambda _text: None)
    with pytest.raises(UsageError, match="there and sound"):
        rebuild(config(world), lambda _text: None)


def lose_ledger(rig: Rig) -> None:
    for path in rig.workspace.root.glob("ledger.db*"):
        path.unlink()


def test_a_request_file_whose_create_call_may_have_been_made_is_in_doubt(rig: Rig) -> None:
    rig.add("a.png")
    with killed_at("submit.before_create"):
        rig.run()
    lose_ledger(rig)
    result = rebuild(rig.config(), rig.said.append)
    assert (result.batches, result.doubtful, result.problems) == (0, 1, [])
    assert (rig.run().outcomes, rig.posts()) == ({"captioned": 1}, 1)
    rig.check()


def test_what_the_service_still_has_is_collected_and_what_is_odd_about_it_said(
    slow_rig: Rig,
) -> None:
    rig = slow_rig
    rig.add("a.png", "b.png")
    rig.server.faults.add(BatchFault(alien=1))
    rig.run(wait=False, batch__keep_shards=True)
    rig.pass_time(4000)
    lose_ledger(rig)
    result = rebuild(rig.config(), rig.said.append)
    assert (result.batches, result.open, result.doubtful) == (1, 0, 0)
    assert result.settled == rig.server.bill.total_nano()
    (problem,) = result.problems
    assert "unknown id 'alien-" in problem


def test_a_table_that_cannot_be_kept_aside_is_said_as_an_error_of_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path)
    workspace.table.write_bytes(b"a table")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with (
        Ledger(tmp_path / "_ledger.db") as ledger,
        pytest.raises(StorageError, match="space"),
    ):
        _set_aside(workspace, ledger, workspace.table)


def test_each_lost_table_is_kept_and_the_last_one_is_recalled(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with Ledger(tmp_path / "_ledger.db") as ledger:
        for text, number in (("one", ""), ("one", ""), ("two", "-2"), ("three", "-3")):
            workspace.table.write_text(text)
            assert _set_aside(workspace, ledger, workspace.table)
            name = f"captions.before-rebuild{number}.parquet"
            assert (ledger.get(FORMER_TABLE), (tmp_path / name).read_text()) == (name, text)


def test_without_a_table_it_is_said_what_may_be_paid_for_again(rig: Rig) -> None:
    rig.add("a.png")
    rig.run()
    rig.workspace.table.unlink()
    lose_ledger(rig)
    rebuild(rig.config(), rig.said.append)
    assert any("no table of captions" in text for text in rig.said)
