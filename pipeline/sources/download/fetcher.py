"""One image at a time, many at once: ask, follow, save, try again, remember."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self
from weakref import WeakValueDictionary

import aiohttp
from msgspec import Struct
from msgspec.structs import replace
from yarl import URL

from pipeline.core.download import (
    DOUBTFUL,
    GONE,
    MOST_REDIRECTS,
    REDIRECTS,
    SETTLED,
    Failure,
    asks_for_pause,
    read_retry_after,
    refusal,
    retry_pause,
    status_failure,
)
from pipeline.core.host_health import MOST_PAUSES
from pipeline.core.words import counted
from pipeline.records import Rejection
from pipeline.sources.download.body import save
from pipeline.sources.download.cache import UrlCache
from pipeline.sources.download.cookies import ChainCookies
from pipeline.sources.download.failures import NETWORK_ERRORS, DownloadRefused, failure_of
from pipeline.sources.download.host_limits import HostLimit, HostLimits
from pipeline.sources.download.notes import Fetched, Known
from pipeline.sources.download.options import FetchOptions
from pipeline.sources.download.placeholders import ENOUGH, Placeholders
from pipeline.sources.download.postponed import HostRests
from pipeline.sources.download.ssrf_guard import HostResolver, SsrfGuard
from pipeline.sources.download.url import Url, check_url, next_hop
from pipeline.sources.download.web_session import conditions, fetched_from, open_web_session

AMPERSAND = "it holds &amp;, which in a web page stands for &: replace it in the list"
""" Words about an address that was copied out of a page."""


class _Request(Struct, frozen=True):
    """One URL of the list: where its bytes go, and the copy that we have."""

    text: str
    incoming: Path
    copy: Fetched | None


class Fetcher:
    """Downloads to a cache. Use as an async context manager, in one event loop."""

    def __init__(
        self,
        options: FetchOptions,
        cache: UrlCache,
        now: int,
        resolve_host: HostResolver,
        tell: Callable[[str], None] = lambda _sentence: None,
    ) -> None:
        """`now`, epoch seconds, names this pass: within it no URL is asked for twice."""
        self._options = options
        self._cache = cache
        self._now = now
        self._hosts = HostLimits(options.total_concurrency, options.per_host, tell)
        self._placeholders = Placeholders()
        self._doubts = 0
        self._tell = tell
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._guard = SsrfGuard(options.rules, resolve_host, options.total_concurrency)
        self._session = open_web_session(options, self._guard)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._doubts:
            self._tell(
                f"{counted(self._doubts, 'address', 'addresses')} gave no image where one was "
                "before: the copies of then stay (stale_download), the next run looks again"
            )
        if self._placeholders.count:
            self._tell(
                f"{counted(self._placeholders.count, 'address', 'addresses')} led to one and the "
                "same picture by redirect, as dead links do: not captioned (placeholder)"
            )
        await self._session.close()
        await self._guard.close()

    async def fetch(self, text: str, refused: int = 0) -> Fetched | Rejection:
        """Image at a URL, or why there is none; never raises for what a site does.

        Args:
            refused: how often its request was refused with a wish for a pause.

        Raises:
            HostRests: to be called again when the host has rested.
            StorageError: the cache cannot be written.
        """
        async with self._locks.setdefault(text, asyncio.Lock()):
            known = await asyncio.to_thread(self._cache.recall, text)
            if known is not None and self._is_fresh(known):
                return await asyncio.to_thread(self._known, text, known)
            copy = known.outcome if known and isinstance(known.outcome, Fetched) else None
            request = _Request(text, self._cache.incoming(text), copy)
            outcome = await self._try(request, refused)
            return await asyncio.to_thread(self._remember, request, outcome)

    def _is_fresh(self, known: Known) -> bool:
        age = self._now - known.asked_at
        if known.doubt or (
            isinstance(known.outcome, Rejection) and known.outcome.code not in SETTLED
        ):
            return age == 0 or self._now < known.not_before
        return age == 0 or 0 < age < self._options.recheck_seconds

    def _known(self, text: str, known: Known) -> Fetched | Rejection:
        """Give what is known of a URL; addresses that led where it leads are counted together."""
        outcome = known.outcome
        target = outcome.final_url if isinstance(outcome, Fetched) else known.final_url
        if self._is_placeholder(text, target):
            return self._noted(text)
        return outcome

    def _noted(self, text: str) -> Fetched | Rejection:
        noted = self._cache.recall(text)
        return noted.outcome if noted else refusal("placeholder")

    def _remember(self, request: _Request, outcome: Fetched | Failure) -> Fetched | Rejection:
        """Note what became of a URL, and give the image or the reason that counts."""
        if isinstance(outcome, Failure):
            return self._remember_failure(request, outcome)
        text, copy = request.text, request.copy
        if outcome.how == "new":
            if copy is not None and outcome.final_url != copy.final_url:
                self._cache.set_aside(text)  # it may be a placeholder, as others will show
            fetched = self._cache.keep(text, outcome, self._now, request.incoming)
        else:
            fetched = self._cache.keep(text, outcome, self._now)
        if self._is_placeholder(text, outcome.final_url):
            return self._noted(text)
        return fetched

    def _remember_failure(self, request: _Request, failure: Failure) -> Fetched | Rejection:
        text, rejection = request.text, _explained(request.text, failure.rejection)
        if request.copy is not None and rejection.code not in GONE:
            doubt = rejection.detail if rejection.code in DOUBTFUL else ""
            self._doubts += bool(doubt)
            return self._cache.keep(text, replace(request.copy, how="kept"), self._now, doubt=doubt)
        not_before = self._now + int(failure.retry_after or 0)
        self._cache.reject(text, rejection, self._now, not_before)
        return rejection

    def _is_placeholder(self, text: str, target: str) -> bool:
        """Tell whether a URL leads to a placeholder; it and those before it are noted as such."""
        url = check_url(text, self._options.ports)
        if not target or isinstance(url, Rejection) or target == url.text:
            return False
        placeholders = self._placeholders.add(text, target)
        for address in placeholders:
            rejection = refusal("placeholder", f"{ENOUGH} or more are redirected to it")
            if not self._cache.restore(address, self._now, rejection.detail):
                self._cache.reject(address, rejection, self._now, final_url=target)
        return bool(placeholders)

    async def _try(self, request: _Request, refused: int) -> Fetched | Failure:
        """Make all tries of one URL."""
        url = check_url(request.text, self._options.ports)
        if isinstance(url, Rejection):
            return Failure(url)
        attempt = 0
        while True:
            try:
                return await self._follow(url, request)
            except (DownloadRefused, *NETWORK_ERRORS) as error:
                failure = failure_of(error)
            except HostRests as rest:
                if rest.refused and refused >= MOST_PAUSES:
                    return Failure(refusal("host_busy", "it answers other requests, not this one"))
                raise
            pause = retry_pause(failure, attempt, self._options.first_pause, random.random())
            if pause is None or attempt >= self._options.retries:
                return failure
            await asyncio.sleep(pause)
            attempt += 1

    async def _follow(self, url: Url, request: _Request) -> Fetched:
        """One try: ask, and follow redirects by hand, each of them checked anew."""
        loop = asyncio.get_running_loop()
        seconds, cookies = self._options.seconds, ChainCookies()
        for _ in range(MOST_REDIRECTS + 1):
            if url.is_address:
                self._guard.check(url.host)
            host = self._hosts.host(url.host)
            async with self._hosts.slot(host):
                started = loop.time()
                try:
                    async with asyncio.timeout(seconds):
                        step = await self._ask(url, host, request, cookies)
                except NETWORK_ERRORS as error:
                    raise DownloadRefused(self._hosts.failed(host, failure_of(error))) from error
                seconds -= loop.time() - started
            if isinstance(step, Fetched):
                return step
            url = step
        raise DownloadRefused(refusal("too_many_redirects", f"more than {MOST_REDIRECTS} times"))

    async def _ask(
        self, url: Url, host: HostLimit, request: _Request, cookies: ChainCookies
    ) -> Fetched | Url:
        """One request: the image, or where to go on."""
        copy = request.copy if request.copy and request.copy.final_url == url.text else None
        address = URL(url.text, encoded=True)
        headers = {**conditions(copy), **cookies.header(address)}
        async with self._session.get(address, headers=headers, allow_redirects=False) as response:
            cookies.take(response)
            if response.status in REDIRECTS:
                self._hosts.answered(host)
                return self._next(url, response)
            if response.status == 304 and copy is not None:
                self._hosts.answered(host)
                return replace(copy, how="unchanged")
            self._refuse_status(response, host)
            size = await save(
                response, request.incoming, self._options.max_bytes, self._options.idle_seconds
            )
            self._hosts.answered(host)
            return fetched_from(request.incoming, size, url, response)

    def _refuse_status(self, response: aiohttp.ClientResponse, host: HostLimit) -> None:
        seconds = read_retry_after(response.headers.get("Retry-After"), datetime.now(UTC))
        failure = status_failure(response.status, seconds)
        if failure is None:
            return
        if asks_for_pause(response.status, seconds):
            self._hosts.asked_for_pause(host, seconds, self._options.first_pause)
        raise DownloadRefused(self._hosts.failed(host, failure))

    def _next(self, url: Url, response: aiohttp.ClientResponse) -> Url:
        location = response.headers.get("Location")
        if not location:
            raise DownloadRefused(refusal("http_error", "a redirect leads nowhere"))
        following = next_hop(url, location, self._options.ports)
        if isinstance(following, Rejection):
            raise DownloadRefused(following)
        return following


def _explained(text: str, rejection: Rejection) -> Rejection:
    """Rejection with what may be wrong with the address itself."""
    if "&amp;" not in text:
        return rejection
    return replace(rejection, detail=f"{rejection.detail}; {AMPERSAND}")
