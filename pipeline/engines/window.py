"""Jobs in, answers out, in order, and never many of them at once."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Iterable

from msgspec import Struct

from pipeline.engines.base import Job
from pipeline.records import Prepared, PreparedImage

_OVERHEAD = 16  # of a task in a message
_MOST_BYTES = 64 << 20  # of answers that wait for an earlier one


class Task(Struct, frozen=True, gc=False):
    """Job on its way.

    Attributes:
        order: position among the jobs of this iteration.
        number: of the job.
        path: of its file, as the system has it.
    """

    order: int
    number: int
    path: bytes

    @property
    def size(self) -> int:
        """Bytes of a message that the task takes at most."""
        return len(self.path) + _OVERHEAD


class Window:
    """Jobs between the first that was not popped and the last that was begun.

    Args:
        jobs: taken lazily.
        length: how many may be begun and not popped.
    """

    def __init__(self, jobs: Iterable[Job], length: int) -> None:
        self._jobs = iter(jobs)
        self._length = length
        self._taken = 0
        self._popped = 0
        self._exhausted = False
        self._returned: deque[Task] = deque()
        self._answers: dict[int, tuple[int, Prepared, int]] = {}
        self._bytes = 0

    def take(self, count: int, room: int = sys.maxsize) -> list[Task]:
        """Up to `count` tasks to begin now, that fit into `room` bytes."""
        tasks: list[Task] = []
        while len(tasks) < count and (task := self._next()):
            room -= task.size
            if room < 0:
                self.give_back([task])
                break
            tasks.append(task)
        return tasks

    def give_back(self, tasks: Iterable[Task]) -> None:
        """Tasks that were taken and not done: they come first again, in order."""
        self._returned = deque(sorted((*self._returned, *tasks), key=lambda task: task.order))

    def put(self, task: Task, answer: Prepared) -> None:
        """Put the result of a task that is done."""
        size = len(answer.base64) if isinstance(answer, PreparedImage) else 0
        self._answers[task.order] = (task.number, answer, size)
        self._bytes += size

    def pop(self) -> tuple[int, Prepared] | None:
        """Answer whose turn it is; None when it is still being worked on."""
        first = self._answers.pop(self._popped, None)
        if first is None:
            return None
        number, answer, size = first
        self._bytes -= size
        self._popped += 1
        return number, answer

    def done(self) -> bool:
        """Tell whether every job was popped."""
        return self._exhausted and self._popped == self._taken

    def _next(self) -> Task | None:
        if self._returned:
            return self._returned.popleft()
        if self._taken - self._popped >= self._length or self._bytes > _MOST_BYTES:
            return None
        job = next(self._jobs, None)
        if job is None:
            self._exhausted = True
            return None
        number, location = job
        task = Task(self._taken, number, os.fsencode(location))
        self._taken += 1
        return task
