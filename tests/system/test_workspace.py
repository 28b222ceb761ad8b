from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pipeline.errors import StorageError, UsageError
from pipeline.system.workspace import Workspace, name_of_batch


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "workspace")
    made.create()
    return made


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# -- folders


def test_looking_makes_nothing(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "workspace")
    assert not workspace.exists()
    assert workspace.table.name == "captions.parquet"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("umask", [0o022, 0o000])
def test_a_workspace_is_its_owners_alone(tmp_path: Path, umask: int) -> None:
    workspace = Workspace(tmp_path / "deep" / "workspace")
    before = os.umask(umask)
    try:
        workspace.create()
        workspace.create()
    finally:
        os.umask(before)
    assert {mode(p) for p in (workspace.root, workspace.shards, workspace.raw)} == {0o700}


def test_an_empty_folder_becomes_private_and_a_used_one_stays_as_it_is(tmp_path: Path) -> None:
    for name in ("empty", "used"):
        tmp_path.joinpath(name).mkdir(mode=0o755)
    tmp_path.joinpath("used", "notes.txt").touch()
    for name, expected in (("empty", 0o700), ("used", 0o755)):
        workspace = Workspace(tmp_path / name)
        workspace.create()
        assert mode(workspace.root) == expected
        assert mode(workspace.raw) == 0o700


def test_a_file_is_no_workspace(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(UsageError, match="is a file: name a folder"):
        Workspace(path).create()
    with pytest.raises(StorageError, match=r"cannot write .*file/below"):
        Workspace(path / "below").create()


@pytest.mark.parametrize("left", ["raw/000001-ab.output.gz", "shards/1.jsonl", "captions.parquet"])
def test_results_without_a_ledger_are_never_paid_for_again(workspace: Workspace, left: str) -> None:
    workspace.root.joinpath(left).touch()
    with pytest.raises(UsageError, match=r"no ledger\.db: run 'captionmill rebuild --workspace /"):
        workspace.create()
    workspace.ledger.touch()
    workspace.create()


def test_leftovers_of_a_killed_first_run_are_no_loss(workspace: Workspace) -> None:
    workspace.shards.joinpath("_000001-ab.jsonl.tmp").touch()
    workspace.root.joinpath("lock").touch()
    workspace.create()


def test_the_card_keeps_the_workspaces_id(workspace: Workspace) -> None:
    assert workspace.known_id() is None
    workspace.remember_id("f" * 16)
    before = workspace.id_file.stat().st_ino
    workspace.remember_id("f" * 16)
    assert (workspace.known_id(), workspace.id_file.stat().st_ino) == ("f" * 16, before)
    for damage in (b"", b"[]", b'{"workspace_id": 7}', b"\xff"):
        workspace.id_file.write_bytes(damage)
        assert workspace.known_id() is None


def test_what_was_left_half_written_is_swept_away(workspace: Workspace) -> None:
    left = [workspace.shards / "_000001-ab.jsonl.tmp", workspace.raw / "_x.part"]
    kept = [workspace.shards / "000001-ab.jsonl", workspace.raw / "x.output.jsonl.gz"]
    for path in (*left, *kept):
        path.touch()
    workspace.sweep()
    assert [path.exists() for path in (*left, *kept)] == [False, False, True, True]


@pytest.mark.parametrize("plain", ["batch_0f3a", "b1", "6c84fb90-12c4", "batch.1:2@x", "file-1-x"])
def test_a_plain_id_is_its_own_name(plain: str) -> None:
    assert name_of_batch(plain) == plain


@pytest.mark.parametrize(
    "odd",
    ["batches/123", "..", ".", "", "a" * 400, "a\0b", "~x", "é", "\ud800", "a\nb", "-x", "/x"],
)
def test_an_id_that_could_be_no_name_is_named_by_its_hash(tmp_path: Path, odd: str) -> None:
    name = name_of_batch(odd)
    assert name.startswith("~")
    assert len(name) == 33
    path = Workspace(tmp_path).answers("000001-ab", odd, "output")
    assert path.parent == tmp_path / "raw"
    assert name_of_batch(f"{odd}x") != name


@pytest.mark.parametrize(
    ("path", "own"),
    [
        *((name, True) for name in ("", "ledger.db", "ledger.db-wal", "reviews.db", "lock")),
        *((name, True) for name in ("rejects.csv", "raw/x/y.gz", "sub/../shards/a.jsonl")),
        *((name, False) for name in ("charges.parquet", "mine/ledger.db", "../ledger.db")),
    ],
)
def test_its_own_files_are_known(workspace: Workspace, path: str, own: bool) -> None:
    assert workspace.owns(workspace.root / path) is own
