"""Engine for originals that are stored elsewhere: they become local files for another engine.

Many are read ahead, so that latency is hidden. What they hold here is bounded: when it is too much
the other engine is given no more before it has answered what it has.
"""

from __future__ import annotations

import contextlib
import resource
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from msgspec import Struct

from pipeline.core.reasons import rejection
from pipeline.core.stored_address import is_stored, unstamped
from pipeline.engines.base import Engine, Job
from pipeline.records import Prepared, RejectedImage, Rejection
from pipeline.storage.readers import Reader
from pipeline.storage.spool import SpooledFile, spooled

_MOST_REFUSED = 256  # originals without a file that wait for an earlier answer
_FEWEST_FILES = 32  # that are open at the same time, however few the system allows
_NO_ROOM = "no room for it here"


class SpoolLimits(Struct, frozen=True):
    """Limits of what is read ahead.

    Attributes:
        max_bytes: of one original.
        read_ahead: originals that are read at the same time.
        spool_bytes: of files that wait or are being prepared; what is being read comes on top.
    """

    max_bytes: int
    read_ahead: int = 16
    spool_bytes: int = 256 << 20


class SpoolEngine(Engine):
    """Brings stored originals here for `files`, an engine that opens files; paths pass through."""

    def __init__(self, files: Engine, reader: Reader, limits: SpoolLimits) -> None:
        self._files, self._reader, self._limits = files, reader, limits

    def prepare(self, jobs: Iterable[Job]) -> Iterator[tuple[int, Prepared]]:
        """One answer a job, in the order of the jobs; see `Engine.prepare`.

        Raises:
            CaptionmillError: a whole storage cannot be read.
        """
        with contextlib.closing(_ReadAhead(jobs, self._reader, self._limits)) as ahead:
            while not ahead.exhausted():
                for number, answer in self._files.prepare(ahead.files()):
                    yield from ahead.refused()
                    ahead.free_first()
                    yield number, answer
                yield from ahead.refused()

    def begin(self, jobs: int) -> None:
        """Start the other engine's processes."""
        self._files.begin(jobs)

    def close(self, kill: bool = False) -> None:
        """End the other engine's processes."""
        self._files.close(kill)


class _Entry(Struct):
    """Job that was taken and not answered.

    Attributes:
        read: its original on its way here, None for a path of this machine.
        file: what the engine of files opens, None before and for a path of this machine.
        refusal: why there is none.
    """

    number: int
    location: str
    read: Future[SpooledFile | Rejection] | None
    file: SpooledFile | None = None
    refusal: Rejection | None = None


_PATH = _Entry(0, "", None)  # of any path: there is nothing to free after its answer


class _ReadAhead:
    """Jobs on their way: `_coming` are read, `_handed` wait for their answers, both in order."""

    def __init__(self, jobs: Iterable[Job], reader: Reader, limits: SpoolLimits) -> None:
        self._jobs, self._reader, self._limits = iter(jobs), reader, limits
        self._coming: deque[_Entry] = deque()
        self._handed: deque[_Entry] = deque()
        self._pool: ThreadPoolExecutor | None = None
        self._all_taken = False
        self._held = _HeldBytes()
        self._refusals = 0
        self._most_files = max(_FEWEST_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 4)

    def exhausted(self) -> bool:
        """Tell whether every job was answered."""
        self._take()
        return self._all_taken and not self._coming and not self._handed

    def files(self) -> Iterator[Job]:
        """Jobs with local paths; ends early when enough is handed over."""
        while not self._is_enough():
            if not self._coming:
                yield from self._paths()
            self._take()
            if not self._coming or self._is_enough():
                return
            entry = self._coming.popleft()
            if entry.read is not None:
                _finish(entry)
            self._handed.append(entry)
            if entry.refusal is not None:
                self._refusals += 1
                continue
            if entry.file is not None:
                yield entry.number, entry.file.path
            else:
                yield entry.number, entry.location

    def _paths(self) -> Iterator[Job]:
        """Jobs up to the first that is not a path of this machine, which is begun."""
        for number, location in self._jobs:
            if is_stored(location):
                self._coming.append(_Entry(number, location, self._begin(location)))
                return
            self._handed.append(_PATH)
            yield number, location
            if self._is_enough():
                return
        self._all_taken = True

    def refused(self) -> Iterator[tuple[int, Prepared]]:
        """Answers to the next jobs whose originals did not come."""
        while self._handed and (refusal := self._handed[0].refusal) is not None:
            self._refusals -= 1
            yield self._handed.popleft().number, RejectedImage(None, refusal)

    def free_first(self) -> None:
        """Free the file of the next job, which is answered."""
        entry = self._handed.popleft()
        if entry.file is not None:
            self._held.add(-entry.file.size)
            entry.file.free()

    def close(self) -> None:
        """Free everything; what is still being read is freed when it comes."""
        for entry in self._handed:
            if entry.file is not None:
                entry.file.free()
        for entry in self._coming:
            if entry.read is not None and not entry.read.cancel():
                entry.read.add_done_callback(_free)
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _is_enough(self) -> bool:
        if self._refusals >= _MOST_REFUSED or len(self._handed) >= self._most_files:
            return True
        return bool(self._handed) and self._held.bytes >= self._limits.spool_bytes

    def _take(self) -> None:
        """Begin to read as many as may be read ahead."""
        while not self._all_taken and len(self._coming) < self._limits.read_ahead:
            if self._coming and (
                self._held.bytes >= self._limits.spool_bytes
                or self._coming[0].read is None  # a path needs nothing ahead of it
            ):
                return
            job = next(self._jobs, None)
            if job is None:
                self._all_taken = True
                return
            number, location = job
            self._coming.append(_Entry(number, location, self._begin(location)))

    def _begin(self, location: str) -> Future[SpooledFile | Rejection] | None:
        if not is_stored(location):
            return None
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._limits.read_ahead, "captionmill-read")
        return self._pool.submit(self._read, location)

    def _read(self, location: str) -> SpooledFile | Rejection:
        """File of an original; called by the threads of the pool."""
        file = _spooled_original(self._reader, location, self._limits.max_bytes)
        if isinstance(file, SpooledFile):
            self._held.add(file.size)
        return file


class _HeldBytes:
    """Bytes of all files that were read and not answered, counted by several threads."""

    def __init__(self) -> None:
        self.bytes = 0
        self._lock = threading.Lock()

    def add(self, size: int) -> None:
        with self._lock:
            self.bytes += size


def _spooled_original(reader: Reader, location: str, max_bytes: int) -> SpooledFile | Rejection:
    data = reader.read(*unstamped(location), max_bytes)
    if isinstance(data, Rejection):
        return data
    if not data:
        return rejection("empty_file")
    if len(data) > max_bytes:
        return rejection("too_large_file", f"{len(data)} bytes, at most {max_bytes} are allowed")
    try:
        return spooled(data)
    except OSError as error:
        return rejection("unreadable", f"{_NO_ROOM}: {error.strerror}")


def _finish(entry: _Entry) -> None:
    assert entry.read is not None
    result = entry.read.result()
    if isinstance(result, Rejection):
        entry.refusal = result
    else:
        entry.file = result


def _free(read: Future[SpooledFile | Rejection]) -> None:
    if not read.cancelled() and read.exception() is None:
        result = read.result()
        if isinstance(result, SpooledFile):
            result.free()
