from __future__ import annotations

import contextlib
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.errors import Busy, StorageError, UsageError
from pipeline.system.workspace import Workspace, network_file_system, require_local

ROOT = Path(__file__).parents[2]
MOUNTS = """\
overlay / overlay rw,relatime 0 0
proc /proc proc rw 0 0
server:/export /mnt/nfs nfs4 rw,vers=4.2 0 0
//server/share /mnt/my\\040photos cifs rw 0 0
server:/home /home nfs rw 0 0
/dev/sdb1 /home/local ext4 rw 0 0
tmpfs /mnt/nfs/covered tmpfs rw 0 0
server:/again /mnt/twice nfs rw 0 0
/dev/sdc1 /mnt/twice xfs rw 0 0
odd line
"""


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    path = tmp_path / "mounts"
    path.write_text(MOUNTS)
    return path


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
    with pytest.raises(UsageError, match=r"no ledger\.db: run 'captionmill rebuild'"):
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


# -- the lock

HOLDER = """
import os, sys, time
from pathlib import Path
from pipeline.system.workspace import Workspace
with Workspace(Path(sys.argv[1])).lock():
    if sys.argv[2] == "worker":
        ready, tell = os.pipe()
        if os.fork() == 0:
            os.close(1)
            os.write(tell, b"!")
            time.sleep(60)
            os._exit(0)
        os.read(ready, 1)
    print(os.getpid(), flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(workspace: Workspace, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock until its standard input closes."""
    kind = getattr(request, "param", "alone")
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(workspace.root), kind],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == str(process.pid)
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def take(workspace: Workspace) -> None:
    with workspace.lock():
        pass


def test_only_one_process_holds_a_workspace(
    workspace: Workspace, holder: subprocess.Popen[str]
) -> None:
    with pytest.raises(Busy, match="another captionmill is at work in") as caught:
        take(workspace)
    assert caught.value.exit_code == 75
    holder.communicate()
    assert holder.returncode == 0
    take(workspace)


@pytest.mark.parametrize("holder", ["alone", "worker"], indirect=True)
def test_a_killed_holder_leaves_no_lock(
    workspace: Workspace, holder: subprocess.Popen[str]
) -> None:
    # a worker process that it forked may live on
    with pytest.raises(Busy):
        take(workspace)
    holder.kill()
    holder.wait()
    take(workspace)


def test_the_lock_is_free_after_a_failure(workspace: Workspace) -> None:
    def fail() -> None:
        with workspace.lock():
            raise ValueError("in the middle")

    with pytest.raises(ValueError, match="in the middle"):
        fail()
    take(workspace)
    assert mode(workspace.root / "lock") == 0o600


def test_a_second_lock_of_one_process_is_refused_too(workspace: Workspace) -> None:
    with workspace.lock(), pytest.raises(Busy):
        take(workspace)
    take(workspace)


def test_two_workspaces_do_not_disturb_each_other(workspace: Workspace, tmp_path: Path) -> None:
    other = Workspace(tmp_path / "other")
    other.create()
    with workspace.lock(), other.lock():
        pass


def test_a_lock_that_cannot_be_made(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot write"):
        take(Workspace(tmp_path / "gone"))


# -- network file systems


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/", None),
        ("/data", None),
        ("/mnt/nfs", "nfs4"),
        ("/mnt/nfs/deep/below", "nfs4"),
        ("/mnt/nfs/covered", None),
        ("/mnt/nfsx", None),
        ("/mnt/my photos/2024", "cifs"),
        ("/home/me", "nfs"),
        ("/home/local/me", None),
        ("/mnt/twice", None),
    ],
)
def test_network_file_systems_are_known(mounts: Path, folder: str, kind: str | None) -> None:
    assert network_file_system(Path(folder), mounts) == kind


def test_without_a_table_of_mounts_everything_is_local(tmp_path: Path) -> None:
    assert network_file_system(tmp_path, tmp_path / "none") is None


def test_a_link_is_followed_to_where_it_leads(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.mkdir()
    link.symlink_to(target)
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda1 / ext4 rw 0 0\nserver:/x {target.resolve()} nfs rw 0 0\n")
    assert network_file_system(link / "below", mounts) == "nfs"


def test_a_network_workspace_is_refused_unless_allowed(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"server:/x {tmp_path.resolve()} nfs rw 0 0\n")
    folder = tmp_path / "not" / "there" / "yet"
    with pytest.raises(StorageError, match=r"\(nfs\).*allow_network_workspace = true"):
        require_local(folder, allow_network=False, mounts=mounts)
    warning = require_local(folder, allow_network=True, mounts=mounts)
    assert warning is not None
    assert "only one machine" in warning


def test_a_local_workspace_needs_no_word(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text("/dev/sda1 / ext4 rw 0 0\n")
    assert require_local(tmp_path / "new", allow_network=False, mounts=mounts) is None
