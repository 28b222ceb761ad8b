from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.engines.workers import WorkerFacts
from pipeline.session.workers import WorkersInUse, watch_workers, workers_in_use
from pipeline.system.clock import Clock

WORKER = WorkerFacts("tcp://a:1", 4, 300_000_000, 0)


def test_workers_are_in_a_file_as_long_as_they_are_used(tmp_path: Path) -> None:
    path, clock = tmp_path / "workers.json", Clock()
    said: list[str] = []
    watch = watch_workers(path, said.append, lambda: None, clock)
    assert workers_in_use(path, clock.now()) is None
    watch.show("tcp://s:8786", [WORKER])
    assert workers_in_use(path, clock.now()) == WorkersInUse("tcp://s:8786", (WORKER,))
    assert workers_in_use(path, clock.now() + 3600) is None  # its run was killed
    watch.show("tcp://s:8786", [])
    assert list(tmp_path.iterdir()) == []
    watch.say("x")
    assert said == ["x"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"at": 0, "workers": 3}', "\xff"])
def test_a_file_that_says_nothing_is_no_workers(tmp_path: Path, text: str) -> None:
    path = tmp_path / "workers.json"
    path.write_text(text, encoding="latin-1")
    assert workers_in_use(path, 0) is None


def test_a_folder_that_cannot_be_written_ends_no_run(tmp_path: Path) -> None:
    watch = watch_workers(tmp_path / "none" / "w.json", print, lambda: None, Clock())
    watch.show("tcp://s:8786", [WORKER])
