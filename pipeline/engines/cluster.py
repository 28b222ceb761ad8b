"""Engine on a dask cluster that somebody else keeps: its scheduler moves chunks, its workers
prepare them.

Workers get the recipe, the limits and locations, never a key.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import time
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from pipeline.core.stored_address import is_file, unstamped
from pipeline.engines.chunked import ChunkEngine
from pipeline.engines.dask_client import (
    ClusterOptions,
    Listing,
    connect,
    exception_of,
    failure,
    leave,
    list_workers,
)
from pipeline.engines.node import NodeTask, prepare_chunk
from pipeline.engines.nodes import Chunk, ChunkEvent, EventKind
from pipeline.engines.workers import Workers, WorkersWatch
from pipeline.errors import CaptionmillError, NoWorkers
from pipeline.storage import Readers
from pipeline.storage.readers import Reader

if TYPE_CHECKING:
    from concurrent.futures import Future as ThreadFuture

    from distributed import Client, Future

_CONNECT_SECONDS = 5.0
_RECONNECT_SECONDS = 2.0
_LIST_SECONDS = 1.0  # between two looks at who is there
_LIST_SECONDS_A_WORKER = 0.02
_IMPATIENT_SECONDS = 0.1  # the same, while there is no worker
_FETCHING = 4  # threads that bring answers; another one asks for the list

_KINDS: dict[str, EventKind] = {"finished": "done", "error": "failed"}
"""Kind of event by the status of a task that ended."""


class ClusterEngine(ChunkEngine):
    """Prepares files on the workers of a dask cluster, which see them under the same paths, and
    stored originals, which the workers read themselves.

    Args:
        task: what the workers run.
        known: see `ChunkEngine`.
        watch: listens to what becomes of the workers.
    """

    def __init__(
        self,
        task: NodeTask,
        options: ClusterOptions,
        *,
        known: Callable[[bytes], bool] | None = None,
        watch: WorkersWatch | None = None,
    ) -> None:
        watch = watch or WorkersWatch()
        super().__init__(
            DaskNodes(options, pickle.dumps(task), watch),
            seconds=options.chunk_seconds,
            patience=options.patience,
            attempts=options.attempts,
            seconds_per_image=task.limits.seconds,
            known=known,
            sees=partial(can_read_here, Readers(task.storage), task.spool.max_bytes),
            check_stop=watch.check_stop,
        )


def can_read_here(readers: Reader, max_bytes: int, location: str) -> bool:
    """Tell whether this machine can read an original that a worker could not."""
    if is_file(location):
        return os.access(location, os.R_OK)
    try:
        return isinstance(readers.read(*unstamped(location), max_bytes), bytes)
    except CaptionmillError:
        return False


class DaskNodes:
    """Workers of a dask cluster, for one `ChunkEngine`.

    A chunk is one task, for the workers that have shaken hands. Callbacks of dask come in threads
    of its own; they only put an event into a queue, which is read by the engine's thread.
    """

    def __init__(self, options: ClusterOptions, task: bytes, watch: WorkersWatch) -> None:
        """Prepare; nothing is contacted before `open`."""
        self._options, self._task = options, task
        self._client: Client | None = None
        self._opened = False
        self._workers = Workers(options.address, watch)
        self._futures: dict[Chunk, tuple[Future[bytes], frozenset[str]]] = {}
        self._queue: SimpleQueue[tuple[Future[bytes] | None, ChunkEvent]] = SimpleQueue()
        self._threads: ThreadPoolExecutor | None = None
        self._listing: ThreadFuture[Listing] | None = None
        self._list_at = 0.0

    def open(self) -> None:
        """Reach the scheduler and shake hands with its workers.

        Raises:
            NoWorkers: it cannot be reached.
            UsageError: its version is not ours, or the packages are not installed.
        """
        if self._opened:
            return
        self._threads = ThreadPoolExecutor(_FETCHING + 1, thread_name_prefix="captionmill-fetch")
        self._client = connect(self._options, _CONNECT_SECONDS)
        self._opened = True
        self._watch_workers()

    def slots(self) -> int:
        """Threads of the workers in use."""
        return self._workers.threads() if self._client is not None else 0

    def submit(self, chunk: Chunk) -> None:
        """Submit a chunk as one task to any worker in use."""
        client, workers = self._client, self._workers.usable()
        if client is None or not workers:
            self._queue.put((None, ChunkEvent(chunk, "lost")))
            return
        future = client.submit(
            prepare_chunk,
            self._task,
            pickle.dumps(chunk.locations),
            key=f"captionmill-{uuid.uuid4().hex}",
            pure=False,
            workers=sorted(workers),
            allow_other_workers=False,
            priority=1 if chunk.urgent else 0,
        )
        self._futures[chunk] = future, workers
        future.add_done_callback(partial(self._ended, chunk))

    def bring(self, chunk: Chunk) -> None:
        """Bring the answer of a chunk to this process, straight from its worker."""
        assert self._threads is not None
        if (entry := self._futures.get(chunk)) is not None:
            self._threads.submit(self._fetch, chunk, entry[0], self._client)

    def drop(self, chunks: Iterable[Chunk]) -> None:
        """Cancel a task whose answer was not brought, so that the scheduler forgets it."""
        for chunk in chunks:
            if (entry := self._futures.pop(chunk, None)) is not None:
                entry[0].release()

    def events(self, seconds: float) -> list[ChunkEvent]:
        """Events since the last call; see `Nodes.events`."""
        self._watch_workers()
        if not self.slots():
            seconds = min(seconds, _IMPATIENT_SECONDS)
        events: list[ChunkEvent] = []
        with contextlib.suppress(Empty):
            entry = self._queue.get(timeout=seconds) if seconds else self._queue.get_nowait()
            while True:
                if (event := self._event_of(*entry)) is not None:
                    events.append(event)
                entry = self._queue.get_nowait()
        return events

    def bar(self, worker: str, words: str) -> None:
        """Give a worker no further chunk; `words` say why."""
        self._workers.bar(worker, words)

    def described(self) -> str:
        """Clause about the cluster: how many workers are in use, and which are not and why."""
        if self._client is None:
            return f"the scheduler at {self._options.address} does not answer"
        return self._workers.described()

    def close(self) -> None:
        """Cancel everything and leave; the cluster goes on without us."""
        self.drop(list(self._futures))
        self._leave()
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._threads = None
        self._opened = False
        self._workers.leave()

    def _watch_workers(self) -> None:
        """List the workers now and then, and return to a scheduler that was restarted. The list is
        asked for in a thread: a scheduler that hangs stops nobody from stopping the run."""
        client, listing = self._client, self._listing
        if not self._opened:
            return
        if client is None or client.status != "running":
            self._lose_everything()
            with contextlib.suppress(NoWorkers):
                self._client = connect(self._options, _RECONNECT_SECONDS)
        elif listing is not None and listing.done():
            self._listing = None
            if listing.exception() is None:
                self._take_list(client, listing.result())
            else:
                self._lose_everything()
        elif listing is None and time.monotonic() >= self._list_at:
            assert self._threads is not None
            self._listing = self._threads.submit(list_workers, client)

    def _take_list(self, client: Client, listed: Listing) -> None:
        """Shake hands with new workers, and send anew what only workers had that are gone."""
        self._workers.update(client, listed)
        alive = self._workers.usable()
        pause = max(_LIST_SECONDS, len(listed) * _LIST_SECONDS_A_WORKER)
        self._list_at = time.monotonic() + (pause if alive else _IMPATIENT_SECONDS)
        for chunk, (future, workers) in list(self._futures.items()):
            if not workers & alive:
                del self._futures[chunk]
                future.release()
                self._queue.put((None, ChunkEvent(chunk, "lost")))

    def _lose_everything(self) -> None:
        """Leave a scheduler that does not answer; all chunks have to be sent again."""
        for chunk in self._futures:
            self._queue.put((None, ChunkEvent(chunk, "lost")))
        self._futures.clear()
        self._listing, self._list_at = None, 0.0
        self._leave()
        self._workers.lost()

    def _leave(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            leave(client)

    def _ended(self, chunk: Chunk, future: Future[bytes]) -> None:
        """Callback of dask, in a thread of its own, about a task that is done or lost."""
        self._queue.put((future, ChunkEvent(chunk, _KINDS.get(future.status, "lost"))))

    def _fetch(self, chunk: Chunk, future: Future[bytes], client: Client) -> None:
        """Bring an answer, in a thread of its own."""
        try:
            event = ChunkEvent(chunk, "here", client.gather(future, direct=True))
        except Exception as error:  # noqa: BLE001 (whatever the other side raised)
            event = failure(chunk, error)
        self._queue.put((future, event))

    def _event_of(self, future: Future[bytes] | None, event: ChunkEvent) -> ChunkEvent | None:
        """Event as the engine sees it; None for one of a future that is no longer the chunk's."""
        if future is None:
            return event
        entry = self._futures.get(event.chunk)
        if entry is None or entry[0] is not future:
            return None
        if event.kind == "done":
            return event
        if event.kind == "failed" and not event.words:
            event = failure(event.chunk, exception_of(future))
        del self._futures[event.chunk]
        future.release()
        return event
