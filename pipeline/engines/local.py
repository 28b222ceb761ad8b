"""Worker processes on this machine, supervised so that no image can stop or slow the run.

Each worker has pipes of its own: one killed in the middle of a message harms nobody else. (Pools
whose workers share a pipe do not survive that: measured with pebble 5.2, which then hung; the
standard library's executor loses the whole pool.) Answers come one by one, so when a worker dies
or hangs its first unanswered task is the one, and all others just go to another worker.
"""

from __future__ import annotations

import os
import selectors
import time
from collections.abc import Iterable, Iterator

from pipeline.core.reasons import rejection
from pipeline.engines.base import Engine, Job, PrepareFile
from pipeline.engines.limits import Limits
from pipeline.engines.process import WorkerDied, WorkerProcess
from pipeline.engines.starters import Starter, starter_of
from pipeline.engines.window import Window
from pipeline.errors import CaptionmillError
from pipeline.records import Prepared, RejectedImage, Rejection

_AHEAD = 128  # tasks for each worker that may be begun and not yielded
_QUEUE_SECONDS = 0.1  # of work that a worker has waiting, so that it never waits for us
_SHORTEST_QUEUE, _LONGEST_QUEUE = 2, 64
_POPPED_TOGETHER = 16  # answers, before the workers' queues are looked at again
_SHORTEST_NAP, _LONGEST_NAP = 0.002, 0.02  # seconds
_TICK = 1.0
_MOST_FALSE_STARTS = 3


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class LocalEngine(Engine):
    """Prepares files in worker processes of this machine.

    Args:
        prepare_file: run in the workers, so it must be picklable.
        workers: number of processes; None takes one for each usable core.
        limits: what one image and one worker may use.
    """

    def __init__(
        self,
        prepare_file: PrepareFile,
        workers: int | None = None,
        limits: Limits | None = None,
    ) -> None:
        if workers is not None and workers < 1:
            raise ValueError("at least one worker is needed")
        self._prepare_file = prepare_file
        self._count = workers or usable_cores()
        self._limits = limits or Limits()
        self._starter: Starter | None = None
        self._workers: list[WorkerProcess] = []
        self._selector = selectors.PollSelector()
        self._pace = 0.01  # seconds an image takes, on average of late
        self._false_starts = 0
        self._looked = time.monotonic()

    def prepare(self, jobs: Iterable[Job]) -> Iterator[tuple[int, Prepared]]:
        """One answer a job, in the order of the jobs; see `Engine.prepare`.

        Raises:
            CaptionmillError: worker processes cannot be started.
        """
        window = Window(jobs, _AHEAD * self._count)
        try:
            while True:
                self._feed(window)
                popped = 0
                while popped < _POPPED_TOGETHER and (answer := window.pop()) is not None:
                    yield answer
                    popped += 1
                    if time.monotonic() - self._looked > _LONGEST_NAP:
                        self._collect(window)  # or workers block on full pipes
                        break
                if popped:
                    continue
                if window.done():
                    return
                self._wait(window)
        finally:
            if not window.done():  # left early: what its workers are at is nobody's any more
                self.close(kill=True)

    def begin(self, jobs: int) -> None:
        """Start as many workers as `prepare` would for this many jobs."""
        while len(self._workers) < min(self._count, -(-jobs // _SHORTEST_QUEUE)):
            self._start(waits=True)

    def close(self, kill: bool = False) -> None:
        """End all workers; another `prepare` would start new ones."""
        workers, self._workers = self._workers, []
        for worker in workers:
            self._hang_up(worker, kill)
        for worker in workers:
            worker.reap()
        if self._starter is not None:
            self._starter.close()

    def _feed(self, window: Window) -> None:
        """Fill the workers' queues; start workers as long as there is work for them."""
        length = min(max(int(_QUEUE_SECONDS / self._pace), _SHORTEST_QUEUE), _LONGEST_QUEUE)
        for worker in self._workers:
            room = length - len(worker.tasks)
            if room * 2 >= length and (tasks := window.take(room, worker.room())):
                worker.send(tasks)
        while len(self._workers) < self._count and (tasks := window.take(_SHORTEST_QUEUE)):
            self._start().send(tasks)

    def _start(self, *, waits: bool = False) -> WorkerProcess:
        if self._starter is None:
            self._starter = starter_of(self._prepare_file, self._limits)
        try:
            worker = WorkerProcess(self._starter, self._limits, has_waited=waits)
        except OSError as error:
            why = f"{error.strerror}: allow more processes, or set [images] workers lower"
            raise CaptionmillError(f"cannot start a worker process for images: {why}") from error
        self._workers.append(worker)
        self._selector.register(worker.answers, selectors.EVENT_READ, worker)
        return worker

    def _end(self, worker: WorkerProcess, kill: bool) -> Rejection:
        self._workers.remove(worker)
        self._hang_up(worker, kill)
        return worker.reap()

    def _hang_up(self, worker: WorkerProcess, kill: bool) -> None:
        self._selector.unregister(worker.answers)
        worker.hang_up(kill)

    def _collect(self, window: Window) -> None:
        """Take note of the workers that have answered or died."""
        for worker in self._speaking(0.0):
            self._receive(worker, window)

    def _wait(self, window: Window) -> None:
        """Wait until a worker answers, dies or takes too long, and take note of it."""
        busy = [worker for worker in self._workers if worker.tasks]
        nap = min((len(worker.tasks) for worker in busy), default=0) * self._pace / 2
        if nap > _SHORTEST_NAP:  # nobody runs dry meanwhile, and we wake once for many answers
            time.sleep(min(nap, _LONGEST_NAP))
        left = min((worker.seconds_left() for worker in busy), default=0.0)
        ready = self._speaking(max(0.0, min(_TICK, left)))
        for worker in ready:
            self._receive(worker, window)
        for worker in busy:
            if worker not in ready and worker.seconds_left() <= 0:
                self._overdue(worker, window)

    def _speaking(self, patience: float) -> list[WorkerProcess]:
        """Workers that have something to say, within `patience` seconds.

        Time in which nobody looked is not held against the workers: all of us may have been
        stopped (^Z, a sleeping laptop).
        """
        ready = [key.data for key, _ in self._selector.select(patience)]
        now = time.monotonic()
        unseen = now - self._looked - patience
        self._looked = now
        if unseen > _TICK:
            for worker in self._workers:
                worker.since = min(now, worker.since + unseen)
        return ready

    def _receive(self, worker: WorkerProcess, window: Window) -> None:
        begun, before = worker.since, worker.answered
        try:
            for task, answer in worker.receive():
                if _out_of_memory(answer) and worker.answered > 1:
                    # earlier images may have used the memory up: ask again in a fresh process
                    worker.tasks.appendleft(task)
                    self._lost(worker, window, self._end(worker, kill=True))
                    return
                window.put(task, answer)
        except WorkerDied:
            self._lost(worker, window, self._end(worker, kill=False))
            return
        self._false_starts = 0
        if count := worker.answered - before:
            took = (worker.since - begun) / count
            self._pace += (took - self._pace) * min(1.0, count / 16)

    def _lost(self, worker: WorkerProcess, window: Window, reason: Rejection) -> None:
        """Note the end of a worker. Its first task is convicted when the worker was started for it;
        otherwise an earlier image may have done the harm, or somebody while it waited, and a fresh
        worker tells."""
        if not worker.started:
            self._false_start()
        elif worker.tasks:
            task = worker.tasks.popleft()
            if worker.answered or worker.has_waited:
                self._start().send([task])
            else:
                window.put(task, RejectedImage(None, reason))
        window.give_back(worker.tasks)

    def _overdue(self, worker: WorkerProcess, window: Window) -> None:
        self._end(worker, kill=True)
        if not worker.started:
            self._false_start()
        else:
            seconds = f"{self._limits.seconds:g} seconds"
            window.put(worker.tasks.popleft(), RejectedImage(None, rejection("timeout", seconds)))
        window.give_back(worker.tasks)

    def _false_start(self) -> None:
        self._false_starts += 1
        if self._false_starts >= _MOST_FALSE_STARTS:
            raise CaptionmillError(
                "worker processes for images end before they have started: "
                "is there enough memory, and can new processes be made?"
            )


def _out_of_memory(answer: Prepared) -> bool:
    return isinstance(answer, RejectedImage) and answer.rejection.code == "out_of_memory"
