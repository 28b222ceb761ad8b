"""Both ways to start a worker process: it answers, and its end is known."""

from __future__ import annotations

import os
import pickle
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.engines.limits import Limits
from pipeline.engines.process import WorkerDied, WorkerProcess
from pipeline.engines.starters import ForkServer, Spawner, Starter, starter_of
from pipeline.engines.window import Task
from pipeline.records import KnownImage, RejectedImage, Rejection
from tests.engines.test_process import answers, end
from tests.engines.troubles import Dying, Unloadable, identity, trouble

LIMITS = Limits(seconds=20)


@pytest.fixture(params=[Spawner, ForkServer])
def starter(request: pytest.FixtureRequest) -> Iterator[Starter]:
    made: Starter = request.param(pickle.dumps((trouble, LIMITS)))
    yield made
    made.close()


def answered(worker: WorkerProcess, location: str) -> RejectedImage | KnownImage:
    """Answer to one task."""
    worker.send([Task(0, 0, location.encode())])
    ((_, answer),) = answers(worker, 1)
    assert isinstance(answer, RejectedImage | KnownImage)
    return answer


def end_over(worker: WorkerProcess, location: str) -> Rejection:
    """How a worker ends over an image."""
    worker.send([Task(0, 0, location.encode())])
    with pytest.raises(WorkerDied):
        answers(worker, 1)
    return end(worker)


def test_workers_answer_and_end(starter: Starter) -> None:
    first, second = WorkerProcess(starter, LIMITS), WorkerProcess(starter, LIMITS)
    for worker in (first, second):
        assert answered(worker, "ok:1") == KnownImage(identity("ok:1"))
    assert end(first).detail.endswith("exit code 0")
    assert answered(second, "ok:2") == KnownImage(identity("ok:2"))
    end(second, kill=True)  # or it ends by itself just before


def test_a_worker_looks_for_cycles(starter: Starter) -> None:
    worker = WorkerProcess(starter, LIMITS)
    answer = answered(worker, "collects")
    assert isinstance(answer, RejectedImage)
    assert answer.rejection.detail == "True"
    end(worker)


@pytest.mark.parametrize(
    ("location", "code", "detail"),
    [
        ("segv", "crashed", "SIGSEGV"),
        ("exit:4", "crashed", "exit code 4"),
        ("quit", "crashed", "exit code 1"),
        ("signal:ALRM", "timeout", ""),
        ("signal:KILL", "out_of_memory", "the system ended the worker process"),
    ],
)
def test_an_end_is_told(starter: Starter, location: str, code: str, detail: str) -> None:
    worker = WorkerProcess(starter, LIMITS)
    ended = end_over(worker, location)
    assert ended.code == code
    assert ended.detail.endswith(detail)


def test_a_worker_that_hangs_is_killed(starter: Starter) -> None:
    worker = WorkerProcess(starter, LIMITS)
    assert answered(worker, "ok:1") == KnownImage(identity("ok:1"))
    worker.send([Task(0, 0, b"hang")])
    assert end(worker, kill=True).code == "out_of_memory"


def test_what_cannot_be_loaded_is_said_by_each_worker(starter: Starter) -> None:
    starter.message = pickle.dumps((Unloadable(), LIMITS))
    for _ in range(2):
        worker = WorkerProcess(starter, LIMITS)
        with pytest.raises(Exception, match="a part of the product is missing"):
            answers(worker, 1)
        end(worker)


def test_workers_are_forked_from_one_process_that_has_loaded_what_they_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slow_module.py").write_text(
        "import os\nfrom pathlib import Path\n"
        f"Path({str(tmp_path / 'loaded')!r}, str(os.getpid())).touch()\n"
        "from tests.engines.troubles import trouble as prepare\n"
    )
    (tmp_path / "loaded").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    import slow_module  # type: ignore[import-not-found]

    starter = ForkServer(pickle.dumps((_Loading(slow_module.__name__), LIMITS)))
    workers = [WorkerProcess(starter, LIMITS) for _ in range(3)]
    for worker in workers:
        assert answered(worker, "ok:1") == KnownImage(identity("ok:1"))
    own = str(os.getpid())
    assert len([path for path in (tmp_path / "loaded").iterdir() if path.name != own]) == 1
    for worker in workers:
        end(worker)
    starter.close()


def test_a_server_that_was_killed_is_started_again_and_its_workers_go_on() -> None:
    starter = ForkServer(pickle.dumps((trouble, LIMITS)))
    first = WorkerProcess(starter, LIMITS)
    assert answered(first, "ok:1") == KnownImage(identity("ok:1"))
    server = starter._server
    assert server is not None
    os.kill(server._process.pid, signal.SIGKILL)
    time.sleep(0.2)
    second = WorkerProcess(starter, LIMITS)
    for worker in (first, second):
        assert answered(worker, "ok:2") == KnownImage(identity("ok:2"))
    assert end_over(first, "segv").code == "out_of_memory"  # nobody is left who saw how
    assert end_over(second, "segv").code == "crashed"
    starter.close()


def test_a_server_that_dies_while_it_loads_is_the_end_of_its_workers() -> None:
    starter = ForkServer(pickle.dumps((Dying(), LIMITS)))
    for _ in range(2):
        worker = WorkerProcess(starter, LIMITS)
        with pytest.raises(WorkerDied):
            answers(worker, 1)
        assert not worker.started
        end(worker)
    starter.close()


def test_a_system_without_safe_forks_starts_interpreters(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(starter_of(trouble, LIMITS), ForkServer)
    monkeypatch.setattr("sys.platform", "darwin")
    assert isinstance(starter_of(trouble, LIMITS), Spawner)


class _Loading:
    """Pickles, and loads a module where it is unpickled."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __reduce__(self) -> tuple[object, ...]:
        return _loaded, (self._name,)


def _loaded(name: str) -> object:
    from importlib import import_module

    return import_module(name).prepare
