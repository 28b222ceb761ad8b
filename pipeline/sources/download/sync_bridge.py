"""Downloads for synchronous code: an event loop in a thread of its own, a few URLs ahead."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import TYPE_CHECKING, Self

from pipeline.records import Rejection
from pipeline.sources.download.cache import UrlCache
from pipeline.sources.download.notes import Fetched
from pipeline.sources.download.options import FetchOptions
from pipeline.sources.download.postponed import HostRests, Job, PostponedJobs
from pipeline.sources.download.url import host_of

if TYPE_CHECKING:
    from pipeline.sources.download.ssrf_guard import HostResolver

Result = tuple[int, Fetched | Rejection]

_AHEAD = 8
"""URLs under way for each that may download: waiting ones cost little, and one slow or busy host
does not keep the others from being asked."""

_CHECK_SECONDS = 0.5
_TICK = 0.01
_OF_ONE_HOST = 8  # downloads of a host that has rested, begun before one of them is done
_MOST_POSTPONED = 100_000  # texts held in memory; then the list is read on when hosts have rested


class SyncBridge:
    """Thread, its loop, and the queue of what is ready. A context manager."""

    def __init__(
        self, options: FetchOptions, cache: UrlCache, now: int, resolve_host: HostResolver | None
    ) -> None:
        self._settings = (options, cache, now, resolve_host)
        self._ahead = options.total_concurrency * _AHEAD
        self._ready: queue.SimpleQueue[tuple[Job, Future[Fetched | Rejection]]] = (
            queue.SimpleQueue()
        )
        self._news: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._inbox: Future[Callable[[Job], None]] = Future()
        self._thread = threading.Thread(target=self._work, name="fetch", daemon=True)
        self._stop: Callable[[], None] = lambda: None

    def __enter__(self) -> Self:
        self._settings[1].open()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        self._thread.join()

    def run(
        self,
        urls: Iterator[tuple[int, str]],
        check_stop: Callable[[], None],
        tell: Callable[[str], None],
    ) -> Iterator[Result]:
        """Give each number with its image or its reason, as they are ready."""
        submit = self._inbox.result()
        postponed = PostponedJobs(_OF_ONE_HOST)
        jobs = itertools.starmap(Job, urls)
        waiting, more = 0, True
        while more or waiting or postponed:
            for job in postponed.due(time.monotonic()):
                submit(job)
                waiting += 1
            while more and waiting < self._ahead and len(postponed) < _MOST_POSTPONED:
                following = next(jobs, None)
                if following is None:
                    more = False
                elif postponed and postponed.has(host_of(following.url)):
                    postponed.add(host_of(following.url), following)
                else:
                    submit(following)
                    waiting += 1
            check_stop()
            self.tell_all(tell)
            ready = self._next(postponed.next_due())
            if ready is None:
                continue
            job, download = ready
            waiting -= 1
            postponed.done(job)
            error = download.exception()
            if isinstance(error, HostRests):
                again = job._replace(refused=job.refused + error.refused)
                postponed.add(error.host, again, time.monotonic() + error.seconds)
            else:
                yield job.number, download.result()

    def _next(self, due: float | None) -> tuple[Job, Future[Fetched | Rejection]] | None:
        """Wait for the next download that ended; None: look at everything else first."""
        seconds = _CHECK_SECONDS
        if due is not None:
            seconds = min(seconds, max(0.0, due - time.monotonic()) + _TICK)
        try:
            return self._ready.get(timeout=seconds)
        except queue.Empty:
            if not self._thread.is_alive():
                raise RuntimeError("the download thread ended") from None
            return None

    def tell_all(self, tell: Callable[[str], None]) -> None:
        """Hand on what the downloads have to say of their hosts."""
        with contextlib.suppress(queue.Empty):
            while True:
                tell(self._news.get_nowait())

    def _work(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            if self._inbox.done():
                raise
            self._inbox.set_exception(error)

    async def _serve(self) -> None:
        from pipeline.sources.download.fetcher import Fetcher
        from pipeline.sources.download.ssrf_guard import system_resolver

        options, cache, now, resolve_host = self._settings
        loop, stopped = asyncio.get_running_loop(), asyncio.Event()
        self._stop = lambda: _call(loop, stopped.set)
        resolve = resolve_host or system_resolver
        async with Fetcher(options, cache, now, resolve, self._news.put) as fetcher:

            def submit(job: Job) -> None:
                download = fetcher.fetch(job.url, job.refused)
                future = asyncio.run_coroutine_threadsafe(download, loop)
                future.add_done_callback(lambda done: self._ready.put((job, done)))

            self._inbox.set_result(submit)
            await stopped.wait()
            await _cancel_the_rest()


def _call(loop: asyncio.AbstractEventLoop, action: Callable[[], None]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed: its thread ended by itself
        loop.call_soon_threadsafe(action)


async def _cancel_the_rest() -> None:
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
