"""One worker process as its parent sees it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence

from pipeline.core.reasons import rejection
from pipeline.engines.limits import Limits
from pipeline.engines.messages import Inbox, send
from pipeline.engines.starters import Starter
from pipeline.engines.window import Task
from pipeline.engines.wire import LONGEST_MESSAGE, READY, decode_answer, encode_jobs
from pipeline.errors import CaptionmillError
from pipeline.records import Prepared, Rejection

# of answers that wait while the parent writes books and shards: a worker does not wait then
_PIPE_BYTES = 1 << 20
_SMALLEST_PIPE = 8192  # Linux, for a user who has many of them
_START_SECONDS = 120


class WorkerDied(Exception):
    """End of a worker process, or a message that no sound worker sends."""


class WorkerProcess:
    """Running worker with its tasks, the first of which it is working on.

    Attributes:
        answers: a descriptor, readable when an answer waits or when the process ended.
        tasks: sent and not answered.
        started: it said that it could start.
        answered: number of answers so far.
        has_waited: it was started before there was work, so its end may be about no image.
        since: when the first task was begun, as far as the parent can know (monotonic seconds).
    """

    def __init__(self, starter: Starter, limits: Limits, *, has_waited: bool = False) -> None:
        self.answers, to_write = os.pipe()
        to_read, self._jobs = os.pipe()
        _widen(to_write)
        self.tasks: deque[Task] = deque()
        self.started = False
        self.answered = 0
        self.has_waited = has_waited
        self.since = time.monotonic()
        self._inbox = Inbox(self.answers, LONGEST_MESSAGE)
        self._limits = limits
        self._kill = False
        try:
            self._process = starter.start(to_read, to_write)
        finally:
            os.close(to_read)
            os.close(to_write)
        self._say(starter.message)

    def send(self, tasks: Sequence[Task]) -> None:
        """Give the worker more to do."""
        if not self.tasks:
            self.since = time.monotonic()
        self.tasks.extend(tasks)
        self._say(encode_jobs([task.path for task in tasks]))

    def room(self) -> int:
        """Bytes of paths that can be sent now.

        A worker that is busy may itself be waiting to be heard: what does not fit into the
        smallest of pipes would be waited for by both, for ever.
        """
        if not self.tasks:
            return sys.maxsize
        return _SMALLEST_PIPE - sum(task.size for task in self.tasks)

    def receive(self) -> Iterator[tuple[Task, Prepared]]:
        """First tasks with their answers, as many as are there; none while the worker only
        says that it has started. A task is the worker's until its answer was taken.

        Raises:
            WorkerDied: there will be no more.
            CaptionmillError: the worker says that it cannot start.
        """
        try:
            messages = self._inbox.read()
            if messages:  # a part of one is no sign of life
                self.since = time.monotonic()
            for message in messages:
                if not self.started:
                    self._start(message)
                    continue
                answer = decode_answer(message)
                self.answered += 1
                yield self.tasks.popleft(), answer
        except (EOFError, OSError, ValueError, IndexError) as error:
            raise WorkerDied(str(error)) from error

    def seconds_left(self) -> float:
        """Until the first task, or the start, takes longer than allowed."""
        allowed = self._limits.seconds if self.started else _START_SECONDS
        return self.since + allowed - time.monotonic()

    def hang_up(self, kill: bool = False) -> None:
        """Close both pipes: the process ends soon, or when `kill` as soon as it is reaped."""
        self._kill = kill
        os.close(self.answers)
        os.close(self._jobs)

    def reap(self) -> Rejection:
        """Wait for the end after `hang_up`; gives the reason of the image over which it died."""
        return _rejection_of_end(self._process.end(kill=self._kill))

    def _start(self, message: memoryview) -> None:
        if message != READY:
            words = bytes(message).decode("utf-8", "replace")
            raise CaptionmillError(f"cannot start a worker process for images: {words}")
        self.started = True

    def _say(self, message: bytes) -> None:
        with contextlib.suppress(OSError):  # it died, which the next receive says
            send(self._jobs, message)


def _widen(pipe: int) -> None:
    """Let a pipe hold as much as an unprivileged process may ask for, where that can be asked."""
    with contextlib.suppress(AttributeError, OSError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _rejection_of_end(code: int | None) -> Rejection:
    if code is None or code == -signal.SIGKILL:
        return rejection("out_of_memory", "the system ended the worker process")
    if code == -signal.SIGALRM:
        return rejection("timeout")
    if code < 0:
        return rejection("crashed", signal.Signals(-code).name)
    return rejection("crashed", f"exit code {code}")
