"""Protocol of every engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, Self

from pipeline.records import Prepared

Job = tuple[int, str]
"""A number of the caller's own, and an openable path."""

PrepareFile = Callable[[str], Prepared]
"""Prepares the file at a path; picklable where an engine uses processes."""


class Engine(Protocol):
    """Runs a `PrepareFile` over many files. A context manager; leaving it ends all processes."""

    def prepare(self, jobs: Iterable[Job]) -> Iterator[tuple[int, Prepared]]:
        """One answer a job, in the order of the jobs.

        Jobs are taken lazily, only a bounded number ahead of what was yielded, so memory is
        constant in their number. Nothing that a file holds raises: it becomes a RejectedImage.
        One iteration at a time; an iteration that is not run to its end ends its processes.
        """
        ...

    def begin(self, jobs: int) -> None:
        """There will be this many jobs at least: processes may start now, while the caller still
        looks for more. Otherwise they start with the first job."""
        del jobs

    def close(self, kill: bool = False) -> None:
        """End all processes, at once when `kill`; safe to call again."""
        ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close(kill=kind is not None)
