"""One worker process as its parent sees it."""

from __future__ import annotations

import pickle
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.engines.limits import Limits
from pipeline.engines.process import WorkerDied, WorkerProcess
from pipeline.engines.starters import Spawner
from pipeline.engines.window import Task
from pipeline.records import KnownImage, Prepared, Rejection
from tests.engines.troubles import identity, trouble


def started() -> WorkerProcess:
    """A worker of its own interpreter: nothing but itself is left to end."""
    return WorkerProcess(Spawner(pickle.dumps((trouble, Limits()))), Limits())


def answers(worker: WorkerProcess, count: int) -> list[tuple[Task, Prepared]]:
    """The next `count` answers."""
    found: list[tuple[Task, Prepared]] = []
    while len(found) < count:
        found += worker.receive()
    return found


def end(worker: WorkerProcess, kill: bool = False) -> Rejection:
    """End a worker; why it ended."""
    worker.hang_up(kill)
    return worker.reap()


def test_a_life() -> None:
    worker = started()
    tasks = [Task(n, n, b"ok:%d" % n) for n in range(3)]
    worker.send(tasks[:2])
    worker.send(tasks[2:])
    assert not worker.started
    wanted = [(task, KnownImage(identity(task.path.decode()))) for task in tasks]
    assert answers(worker, 3) == wanted
    assert worker.started
    assert worker.answered == 3
    assert not worker.tasks
    assert worker.seconds_left() > 50
    end(worker)


@pytest.mark.parametrize(
    ("location", "code"),
    [("segv", "crashed"), ("exit:4", "crashed"), ("signal:KILL", "out_of_memory"),
     ("signal:ALRM", "timeout")],
)  # fmt: skip
def test_a_death(location: str, code: str) -> None:
    worker = started()
    worker.send([Task(0, 0, location.encode())])
    with pytest.raises(WorkerDied):
        answers(worker, 1)
    assert worker.started
    assert end(worker).code == code


def test_saying_something_to_the_dead_does_not_raise() -> None:
    worker = started()
    worker.send([Task(0, 0, b"exit:1")])
    time.sleep(1)
    for number in range(100):
        worker.send([Task(number, number, b"x" * 10_000)])
    with pytest.raises(WorkerDied):
        answers(worker, 1)
    end(worker, kill=True)


def test_a_task_is_the_workers_until_its_answer_was_taken() -> None:
    worker = started()
    tasks = [Task(n, n, b"ok:%d" % n) for n in range(20)]
    worker.send(tasks)
    time.sleep(1)  # by now there are many answers
    received = worker.receive()
    taken, _ = next(received)
    assert [taken, *worker.tasks] == tasks
    received.close()  # type: ignore[attr-defined]
    end(worker, kill=True)


def test_an_answer_that_nobody_asked_for_is_the_end() -> None:
    worker = started()
    worker.send([Task(0, 0, b"ok:0"), Task(1, 1, b"ok:1")])
    worker.tasks.pop()
    with pytest.raises(WorkerDied):
        answers(worker, 2)
    end(worker, kill=True)


def test_a_script_without_a_guard_and_with_a_relative_path_can_use_processes(
    tmp_path: Path,
) -> None:
    root = Path(__file__).parents[2]
    (tmp_path / "helper.py").write_text(
        "from pipeline.records import KnownImage\n"
        "def helper(path):\n    return KnownImage(bytes(32))\n"
    )
    (tmp_path / "script.py").write_text(
        f"import sys\nsys.path.insert(0, {str(root)!r})\n"
        "from helper import helper\n"
        "from pipeline.engines import LocalEngine\n"
        "with LocalEngine(helper, workers=2) as engine:\n"
        "    print(len(list(engine.prepare(enumerate('abc')))))\n"
    )
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "3\n", done.stderr


def test_files_in_the_current_folder_are_no_modules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("signal", "pickle", "json", "numpy"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('taken over')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    worker = started()
    worker.send([Task(0, 0, b"ok:1")])
    assert answers(worker, 1) == [(Task(0, 0, b"ok:1"), KnownImage(identity("ok:1")))]
    end(worker)
