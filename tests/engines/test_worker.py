"""The worker's own side, in this process: what becomes of exceptions, and of a lost parent."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.engines.worker import _guarded
from pipeline.records import KnownImage, RejectedImage
from tests.engines.troubles import identity, trouble


def test_exceptions_become_reasons() -> None:
    assert _guarded(trouble, "ok:1") == KnownImage(identity("ok:1"))
    rejected = _guarded(trouble, "raise:why")
    assert isinstance(rejected, RejectedImage)
    assert rejected.rejection.code == "internal"
    assert "ValueError: why" in rejected.rejection.detail

    def starve(_: str) -> KnownImage:
        raise MemoryError

    rejected = _guarded(starve, "x")
    assert isinstance(rejected, RejectedImage)
    assert rejected.rejection.code == "out_of_memory"


def test_a_worker_whose_parent_never_speaks_ends_with_it() -> None:
    jobs, speak = os.pipe()
    listen, answers = os.pipe()
    command = "from pipeline.engines.worker import serve_parent; serve_parent()"
    worker = subprocess.Popen(
        [sys.executable, "-c", command, str(jobs), str(answers)],
        pass_fds=(jobs, answers),
        cwd=Path(__file__).parents[2],
    )
    for ours in (jobs, answers):
        os.close(ours)
    time.sleep(0.2)
    os.close(speak)
    assert worker.wait(60) == 0
    os.close(listen)


def test_a_worker_loads_no_engine_and_little_of_the_ledger() -> None:
    code = (
        "import sys, pipeline.engines.worker, pipeline.ledger.known_originals\n"
        "print(*sorted(name for name in sys.modules if name.startswith('pipeline.')))"
    )
    loaded = subprocess.check_output(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[2], text=True
    ).split()
    assert "pipeline.ledger.known_originals" in loaded
    unwanted = {"pipeline.engines.local", "pipeline.ledger.store", "pipeline.ledger.rows"}
    assert unwanted.isdisjoint(loaded)
    assert not [name for name in loaded if name.startswith("pipeline.storage")]


@pytest.mark.parametrize("closed", [0, 1, 2])
def test_a_standard_descriptor_that_was_closed_is_none_of_a_pipe_later(closed: int) -> None:
    code = (
        "import os; from pipeline.engines.worker import silence\n"
        f"os.close({closed}); silence(); os._exit(os.open('/dev/null', os.O_RDONLY))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 3
