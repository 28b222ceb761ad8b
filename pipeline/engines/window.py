"""Jobs in, answers out, in order, and never many of them at once."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.engines.base import Job
from pipeline.records import Prepared, PreparedImage

_OVERHEAD = 16  # of a task in a message
_MOST_BYTES = 64 << 20  # of answers that wait for an earlier one


@dataclass(slots=True)
class Task:
    """Job on its way.

    Attributes:
        order: position among the jobs of this iteration.
        number, location: the job.
        size: bytes of a message that the task takes at most.
    """

    order: int
    number: int
    location: str
    size: int = field(init=False)

    def __post_init__(self) -> None:
        self.size = len(os.fsencode(self.location)) + _OVERHEAD


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
        self._answers: dict[int, tuple[int, Prepared]] = {}
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
        self._answers[task.order] = (task.number, answer)
        self._bytes += _size(answer)

    def pop(self) -> tuple[int, Prepared] | None:
        """Answer whose turn it is; None when it is still being worked on."""
        if self._popped not in self._answers:
            return None
        number, answer = self._answers.pop(self._popped)
        self._bytes -= _size(answer)
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
        task = Task(self._taken, *job)
        self._taken += 1
        return task


def _size(answer: Prepared) -> int:
    return len(answer.base64) if isinstance(answer, PreparedImage) else 0
