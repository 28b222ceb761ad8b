"""Downloads for synchronous code: an event loop in a thread of its own, a few URLs ahead."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pipeline.records import Rejection
from pipeline.sources.download.cache import Fetched, UrlCache
from pipeline.sources.download.options import FetchOptions

if TYPE_CHECKING:
    from pipeline.sources.download.ssrf_guard import HostResolver

Result = tuple[int, Fetched | Rejection]

_AHEAD = 8
"""URLs under way for each that may download: waiting ones cost little, and one slow or busy host
does not keep the others from being asked."""

_CHECK_SECONDS = 0.5


class SyncBridge:
    """Thread, its loop, and the queue of what is ready. A context manager."""

    def __init__(
        self, options: FetchOptions, cache: UrlCache, now: int, resolve_host: HostResolver | None
    ) -> None:
        self._settings = (options, cache, now, resolve_host)
        self._ahead = options.total_concurrency * _AHEAD
        self._ready: queue.SimpleQueue[tuple[int, Future[Fetched | Rejection]]] = (
            queue.SimpleQueue()
        )
        self._inbox: Future[Callable[[int, str], None]] = Future()
        self._thread = threading.Thread(target=self._work, name="fetch", daemon=True)
        self._stop: Callable[[], None] = lambda: None

    def __enter__(self) -> Self:
        self._settings[1].open()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()
        self._thread.join()

    def run(
        self, urls: Iterator[tuple[int, str]], check_stop: Callable[[], None]
    ) -> Iterator[Result]:
        """Each number with its image or its reason, as they are ready."""
        submit = self._inbox.result()
        waiting, more = 0, True
        while more or waiting:
            while more and waiting < self._ahead:
                following = next(urls, None)
                if following is None:
                    more = False
                else:
                    submit(*following)
                    waiting += 1
            if waiting:
                number, download = self._next(check_stop)
                waiting -= 1
                yield number, download.result()

    def _next(self, check_stop: Callable[[], None]) -> tuple[int, Future[Fetched | Rejection]]:
        while True:
            check_stop()
            try:
                return self._ready.get(timeout=_CHECK_SECONDS)
            except queue.Empty:
                if not self._thread.is_alive():
                    raise RuntimeError("the download thread ended") from None

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
        async with Fetcher(options, cache, now, resolve_host or system_resolver) as fetcher:

            def submit(number: int, url: str) -> None:
                future = asyncio.run_coroutine_threadsafe(fetcher.fetch(url), loop)
                future.add_done_callback(lambda done: self._ready.put((number, done)))

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
