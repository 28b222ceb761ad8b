"""Engine without processes: for debugging, and for files that are trusted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline.engines.base import Engine, Job, PrepareFile
from pipeline.records import Prepared


class InlineEngine(Engine):
    """Prepares one file after the other in this process: no limits, no isolation."""

    def __init__(self, prepare_file: PrepareFile) -> None:
        self._prepare_file = prepare_file

    def prepare(self, jobs: Iterable[Job]) -> Iterator[tuple[int, Prepared]]:
        """One answer a job, in the order of the jobs."""
        for number, location in jobs:
            yield number, self._prepare_file(location)

    def close(self, kill: bool = False) -> None:
        """Nothing to end."""
