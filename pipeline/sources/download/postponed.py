"""Downloads that wait until their host has rested, so that no other host waits for them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from msgspec import Struct, field


class HostRests(Exception):
    """Refusal to ask a host before its pause is over.

    Attributes:
        host: its name.
        seconds: until it may be asked.
        refused: true when this request was refused itself, and did not only wait.
    """

    def __init__(self, host: str, seconds: float, *, refused: bool = False) -> None:
        super().__init__(host, seconds)
        self.host = host
        self.seconds = seconds
        self.refused = refused


class Job(NamedTuple):
    """One URL of the list.

    Attributes:
        number, url: as listed.
        refused: how often its own request was refused.
        host: whose rest it waited for, "" when it has not waited.
    """

    number: int
    url: str
    refused: int = 0
    host: str = ""


class _Queue(Struct):
    """Jobs of one host; `due` is when it has rested, `under_way` how many were begun since."""

    due: float
    jobs: deque[Job] = field(default_factory=deque)
    under_way: int = 0


class PostponedJobs:
    """Jobs of resting hosts, a queue a host. Times are seconds of one clock."""

    def __init__(self, at_once: int) -> None:
        """Take how many jobs of one host are begun before one of them is done."""
        self._at_once = at_once
        self._queues: dict[str, _Queue] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def has(self, host: str) -> bool:
        """Tell whether jobs of a host wait."""
        return host in self._queues

    def add(self, host: str, job: Job, due: float = 0.0) -> None:
        """Put a job behind the others of its host, which rests until `due`."""
        queue = self._queues.setdefault(host, _Queue(due))
        queue.due = max(queue.due, due)
        queue.jobs.append(job._replace(host=host))
        self._count += 1

    def done(self, job: Job) -> None:
        """Note that a job ended, in whatever way."""
        queue = self._queues.get(job.host)
        if queue is not None:
            queue.under_way = max(0, queue.under_way - 1)

    def due(self, now: float) -> Iterator[Job]:
        """Take out the jobs that may be begun."""
        for host, queue in list(self._queues.items()):
            while queue.jobs and queue.due <= now and queue.under_way < self._at_once:
                queue.under_way += 1
                self._count -= 1
                yield queue.jobs.popleft()
            if not queue.jobs:
                del self._queues[host]

    def next_due(self) -> float | None:
        """Time at which the first host has rested, None when nothing waits."""
        return min((queue.due for queue in self._queues.values()), default=None)
