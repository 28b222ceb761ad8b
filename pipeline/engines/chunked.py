"""Engine that gives chunks of images to other machines and takes their answers in order.

It decides what is sent, again or in parts, and knows no cluster: `Nodes` is what it asks of one.
Preparation is a pure function of a file's bytes, so whatever is lost is simply sent again, and of
two answers the first one counts.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from pipeline.core.reasons import rejection
from pipeline.core.stored_address import is_file, unstamped
from pipeline.engines.base import Engine, Job
from pipeline.engines.nodes import Chunk, ChunkEvent, Nodes
from pipeline.engines.wire import ChunkAnswer, decode_chunk
from pipeline.errors import NoWorkers, UsageError
from pipeline.records import KnownImage, Prepared, PreparedImage, RejectedImage

_MOST_IMAGES = 256  # of a chunk
_MOST_BYTES = 16 << 20  # of the answers of a chunk, about
_MOST_AHEAD = 65_536  # images of chunks that are begun
_FIRST_PACE = 0.1  # seconds an image, before any was prepared
_FIRST_BYTES = 64 << 10  # of an answer
_BROUGHT = 4  # chunks whose answers are here before their turn; the others' stay on the workers
_PARTS = 4  # that a chunk which ends its workers is split into
_TICK = 0.5  # seconds
_UNREAD = frozenset({"vanished", "unreadable"})


class ChunkEngine(Engine):
    """Prepares files on `nodes`.

    Args:
        seconds: of work that one chunk should be.
        patience: seconds without any answer after which the run ends.
        attempts: how often a single image may end its workers, and a chunk may fail.
        seconds_per_image: the most that a worker takes for one.
        known: tells which bytes the ledger knows; asked here, since no worker sees a ledger.
        sees: tells whether this machine can read what a worker could not.
        check_stop: raises when a person wants to stop.
    """

    def __init__(
        self,
        nodes: Nodes,
        *,
        seconds: float = 2.0,
        patience: float = 600.0,
        attempts: int = 3,
        seconds_per_image: float = 30.0,
        known: Callable[[bytes], bool] | None = None,
        sees: Callable[[str], bool] = lambda _location: False,
        check_stop: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._nodes = nodes
        self._seconds, self._patience, self._attempts = seconds, patience, attempts
        self._seconds_per_image = seconds_per_image
        self._sees = sees
        self._known, self._check_stop, self._clock = known, check_stop, clock
        self._pace, self._bytes = _FIRST_PACE, float(_FIRST_BYTES)
        self._line: deque[Chunk] = deque()
        self._heard = 0.0

    def prepare(self, jobs: Iterable[Job]) -> Iterator[tuple[int, Prepared]]:
        """One answer a job, in the order of the jobs; see `Engine.prepare`.

        Raises:
            CaptionmillError: no worker answers within the patience, or none can be used.
        """
        source = iter(jobs)
        self._heard = self._clock()
        try:
            while True:
                self._submit(source)
                if not self._line:
                    return
                if self._line[0].state == "here":
                    yield from self._answered(self._line.popleft())
                    self._listen(0.0)
                else:
                    self._listen(_TICK)
        finally:
            self._nodes.drop(self._line)
            self._line.clear()

    def begin(self, jobs: int) -> None:
        """Reach the cluster, and wait for its first worker."""
        if jobs <= 0:
            return
        self._nodes.open()
        self._heard = self._clock()
        while not self._nodes.slots():
            self._listen(_TICK)

    def close(self, kill: bool = False) -> None:
        """Leave the cluster."""
        del kill
        self._nodes.close()

    def _submit(self, source: Iterator[Job]) -> None:
        """Send chunks that wait, then new ones, as many as keep every worker busy."""
        slots = self._nodes.slots() if self._line else 1
        running = sum(chunk.state == "running" for chunk in self._line)
        ahead = sum(len(chunk.jobs) for chunk in self._line)
        for chunk in self._line:
            if chunk.state == "waiting" and running < 2 * slots:
                running += 1
                self._send(chunk)
        while running < 2 * slots and len(self._line) < 3 * slots + _BROUGHT:
            jobs = list(islice(source, min(self._size(), _MOST_AHEAD - ahead)))
            if not jobs:
                return
            self._line.append(chunk := Chunk(jobs))
            self._nodes.open()
            if slots := self._nodes.slots():
                self._send(chunk)
            running += 1
            ahead += len(jobs)

    def _send(self, chunk: Chunk) -> None:
        chunk.state = "running"
        self._nodes.submit(chunk)

    def _size(self) -> int:
        """Images of the next chunk."""
        by_bytes = _MOST_BYTES / max(1.0, self._bytes)
        return max(1, min(_MOST_IMAGES, int(self._seconds / self._pace), int(by_bytes)))

    def _listen(self, seconds: float) -> None:
        """Take note of what happens within so many seconds, and have the next answers brought."""
        self._check_stop()
        for event in self._nodes.events(seconds):
            self._note(event)
        for chunk in islice(self._line, _BROUGHT):
            if chunk.state == "done":
                chunk.state = "coming"
                self._nodes.bring(chunk)
        if self._clock() - self._heard > self._allowed():
            raise NoWorkers(
                f"no worker has prepared anything for {self._patience:g} seconds: "
                f"{self._nodes.described()}"
            )

    def _allowed(self) -> float:
        """Seconds of silence: a chunk whose images all hang is still being worked on."""
        busy = bool(self._line) and self._nodes.slots() > 0
        return self._patience + (self._seconds_per_image * len(self._line[0].jobs) if busy else 0)

    def _note(self, event: ChunkEvent) -> None:
        chunk = event.chunk
        if event.kind == "done":
            self._heard = self._clock()
            chunk.state = "done"
        elif event.kind == "here":
            self._heard = self._clock()
            self._receive(chunk, event.answer)
        elif event.kind == "refused":
            raise UsageError(f"{event.worker or 'a worker'}: {event.words}")
        elif event.kind == "killed":
            self._heard = self._clock()
            self._killed(chunk)
        else:
            if event.kind == "failed":
                self._failed(chunk, event.worker, event.words)
            chunk.state, chunk.urgent = "waiting", True

    def _receive(self, chunk: Chunk, message: bytes) -> None:
        chunk.state, chunk.urgent = "waiting", True  # unless the answer is one
        try:
            answer = decode_chunk(message)
        except ValueError as error:
            self._failed(chunk, "", str(error))
            return
        if not 1 <= len(answer.answers) <= len(chunk.jobs):
            words = f"it gave {len(answer.answers)} answers to {len(chunk.jobs)} images"
            self._nodes.bar(answer.worker, words)
        elif unread := self._unread(chunk.locations, answer.answers):
            self._nodes.bar(answer.worker, f"it cannot read {unread}, which this machine can")
        else:
            self._accept(chunk, answer)

    def _accept(self, chunk: Chunk, answer: ChunkAnswer) -> None:
        """Take the answers to the first images of a chunk; the others become a chunk."""
        count = len(answer.answers)
        chunk.answers, chunk.state = answer.answers, "here"
        if left := chunk.jobs[count:]:
            chunk.jobs = chunk.jobs[:count]
            self._insert_after(chunk, [Chunk(left, urgent=True)])
        weight = min(1.0, count / _MOST_IMAGES)
        size = sum(len(one.base64) for one in answer.answers if isinstance(one, PreparedImage))
        self._pace += (answer.seconds / count - self._pace) * max(weight, 0.1)
        self._pace = max(self._pace, 1e-4)
        self._bytes += (size / count - self._bytes) * max(weight, 0.1)

    def _killed(self, chunk: Chunk) -> None:
        """Split a chunk that ends its workers; a single image is rejected."""
        count = len(chunk.jobs)
        chunk.state, chunk.urgent = "waiting", True
        if count > 1:
            size = -(-count // _PARTS)
            parts = [chunk.jobs[start : start + size] for start in range(size, count, size)]
            chunk.jobs = chunk.jobs[:size]
            self._insert_after(chunk, [Chunk(part, urgent=True) for part in parts])
            return
        chunk.failures += 1
        if chunk.failures >= self._attempts:
            reason = rejection("crashed", "it ended every worker that it was given to")
            chunk.answers, chunk.state = [RejectedImage(None, reason)], "here"

    def _failed(self, chunk: Chunk, worker: str, words: str) -> None:
        """Bar the worker that failed; a chunk that fails everywhere ends the run."""
        chunk.failures += 1
        if chunk.failures >= self._attempts:
            where = f" (the last one was {worker})" if worker else ""
            raise NoWorkers(f"{self._attempts} workers failed over the same images{where}: {words}")
        if worker:
            self._nodes.bar(worker, words)

    def _insert_after(self, chunk: Chunk, others: Sequence[Chunk]) -> None:
        at = self._line.index(chunk) + 1
        for other in reversed(others):
            self._line.insert(at, other)

    def _unread(self, locations: Sequence[str], answers: Sequence[Prepared]) -> str:
        """First location that a worker could not read and this machine can, "" for none. Of stored
        originals only the first is tried: each try reads one."""
        stored = 0
        for location, answer in zip(locations, answers, strict=False):
            if not isinstance(answer, RejectedImage) or answer.rejection.code not in _UNREAD:
                continue
            stored += not is_file(location)
            if (stored <= 1 or is_file(location)) and self._sees(location):
                return unstamped(location)[0]
        return ""

    def _answered(self, chunk: Chunk) -> Iterator[tuple[int, Prepared]]:
        for (number, _), answer in zip(chunk.jobs, chunk.answers, strict=True):
            yield number, self._as_known(answer)

    def _as_known(self, answer: Prepared) -> Prepared:
        known, source_id = self._known, answer.source_id
        if known is None or source_id is None or not known(source_id):
            return answer
        return KnownImage(source_id)
