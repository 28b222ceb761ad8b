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

from pipeline.errors import Busy, StorageError
from pipeline.system.workspace import Workspace
from pipeline.system.workspace_lock import writers_lock
from tests.read_only import read_only

ROOT = Path(__file__).parents[2]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "workspace")
    made.create()
    return made


HOLDER = """
import os, sys, time
from pathlib import Path
from pipeline.system.workspace import name_of_batch, Workspace
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
    assert stat.S_IMODE((workspace.root / "lock").stat().st_mode) == 0o600


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


@pytest.mark.parametrize("made", [True, False])
def test_a_place_that_cannot_be_written_is_locked_as_far_as_it_can_be(
    workspace: Workspace, made: bool
) -> None:
    path = workspace.root / "lock"
    if made:
        path.touch()
    with read_only(workspace.root):
        with pytest.raises(StorageError), writers_lock(path):
            pass
        with writers_lock(path, reading=True):
            assert path.exists() == made
            if made:
                with pytest.raises(Busy), writers_lock(path, reading=True):
                    pass
