"""Preparation of one chunk on a node of a cluster: the local engine with one worker process.

So an image is convicted there as it is on one machine, and the cluster only ever sees nodes that
come and go. The answers go back as one buffer of the messages that a decoder's process writes.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import pickle
import socket
import threading
import time
from collections.abc import Iterator

from msgspec import Struct, field

from pipeline.engines.base import Engine, Job, PrepareFile
from pipeline.engines.limits import Limits
from pipeline.engines.local import LocalEngine
from pipeline.engines.nodes import ChunkFailed
from pipeline.engines.spool import SpoolEngine, SpoolLimits
from pipeline.engines.wire import encode_answer, encode_chunk
from pipeline.errors import CaptionmillError, UsageError
from pipeline.storage import Readers, StorageSettings

_MOST_BYTES = 16 << 20  # of answers, after which no further image is begun
_MOST_FILE_BYTES = 1 << 30
_IDLE_SECONDS = 30.0  # that a decoder's process waits for another chunk


class NodeTask(Struct, frozen=True):
    """Preparation that a node runs for each file of a chunk.

    Attributes:
        limits: of the decoder's process.
        seconds: of work in a chunk, about; after twice as long no further image is begun.
        storage: how stored originals are read, with credentials of the node's own environment.
        spool: limits of those that are read ahead.
    """

    prepare_file: PrepareFile
    limits: Limits
    seconds: float = 2.0
    storage: StorageSettings = field(default_factory=StorageSettings)
    spool: SpoolLimits = field(default_factory=lambda: SpoolLimits(_MOST_FILE_BYTES))


def prepare_chunk(task: bytes, jobs: bytes) -> bytes:
    """Prepare the files of a chunk, or the first of them; see `encode_chunk`.

    Args:
        task: a pickled `NodeTask`.
        jobs: the locations, pickled: an address holds the NUL that parts messages of paths.

    Raises:
        ChunkFailed: this node cannot prepare images.
    """
    try:
        return _prepare(task, jobs)
    except UsageError as error:
        raise ChunkFailed(worker_address(), str(error), refused=True) from None
    except CaptionmillError as error:
        raise ChunkFailed(worker_address(), str(error)) from None
    except Exception as error:  # noqa: BLE001 (said on the coordinator, whatever it is)
        raise ChunkFailed(worker_address(), f"{type(error).__name__}: {error}") from None


def _prepare(task: bytes, jobs: bytes) -> bytes:
    began = time.monotonic()
    seconds = pickle.loads(task).seconds
    messages: list[bytes] = []
    size = 0

    def first_jobs() -> Iterator[Job]:
        for number, location in enumerate(pickle.loads(jobs)):
            if number and (size > _MOST_BYTES or time.monotonic() - began > 2 * seconds):
                return
            yield number, location

    with ENGINES.lend(task) as engine:
        for _, answer in engine.prepare(first_jobs()):
            message = b"".join(encode_answer(answer))
            size += len(message)
            messages.append(message)
    return encode_chunk(worker_address(), time.monotonic() - began, messages)


def worker_address() -> str:
    """Address of the worker that this runs on, else this machine's name and process."""
    from distributed import get_worker

    try:
        return str(get_worker().address)
    except ValueError:
        return f"{socket.gethostname()}:{os.getpid()}"


class EnginePool:
    """Engines that wait for another chunk of the same task, one for each thread that prepared."""

    def __init__(self, idle_seconds: float = _IDLE_SECONDS) -> None:
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._idle: list[tuple[float, bytes, Engine]] = []
        self._timer: threading.Timer | None = None

    @contextlib.contextmanager
    def lend(self, task: bytes) -> Iterator[Engine]:
        """Lend an engine for a pickled `NodeTask`, for one thread; what fails is closed."""
        engine = self._take(task) or _engine(pickle.loads(task))
        try:
            yield engine
        except BaseException:
            engine.close(kill=True)
            raise
        with self._lock:
            self._idle.append((time.monotonic(), task, engine))
            self._begin_timer()

    def close(self, older_than: float = 0.0) -> None:
        """Close engines that have waited for more than so many seconds."""
        with self._lock:
            now = time.monotonic()
            old = [one for one in self._idle if now - one[0] >= older_than]
            self._idle = [one for one in self._idle if now - one[0] < older_than]
            self._timer = None
            if self._idle:
                self._begin_timer()
        for _, _, engine in old:
            engine.close(kill=True)

    def _take(self, task: bytes) -> Engine | None:
        with self._lock:
            for at, (_, waiting, engine) in enumerate(self._idle):
                if waiting == task:
                    del self._idle[at]
                    return engine
        return None

    def _begin_timer(self) -> None:
        if self._timer is None:
            self._timer = threading.Timer(
                self._idle_seconds, self.close, kwargs={"older_than": self._idle_seconds}
            )
            self._timer.daemon = True
            self._timer.start()


def _engine(task: NodeTask) -> Engine:
    local = LocalEngine(task.prepare_file, workers=1, limits=task.limits)
    return SpoolEngine(local, Readers(task.storage), task.spool)


ENGINES = EnginePool()
"""Engines of this process."""

atexit.register(ENGINES.close)
