"""One image at a time, many at once: ask, follow, save, try again, remember."""

from __future__ import annotations

import asyncio
import random
import ssl
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self
from weakref import WeakValueDictionary

import aiohttp
from yarl import URL

from pipeline.core.download import (
    GONE,
    MOST_REDIRECTS,
    REDIRECTS,
    SETTLED,
    Failure,
    read_retry_after,
    refusal,
    retry_pause,
    status_failure,
)
from pipeline.records import Rejection
from pipeline.sources.download.body import save
from pipeline.sources.download.cache import Fetched, Known, UrlCache
from pipeline.sources.download.failures import NETWORK_ERRORS, DownloadRefused, failure_of
from pipeline.sources.download.host_limits import HostLimit, HostLimits
from pipeline.sources.download.options import FetchOptions
from pipeline.sources.download.ssrf_guard import HostResolver, SsrfGuard
from pipeline.sources.download.url import Url, check_url, next_hop

_LONGEST_VALIDATOR = 512
_LONGEST_TYPE = 100


@dataclass(frozen=True, slots=True)
class _Request:
    """One URL of the list: where its bytes go, and the copy that we have."""

    text: str
    incoming: Path
    copy: Fetched | None


class Fetcher:
    """Downloads to a cache. Use as an async context manager, in one event loop."""

    def __init__(
        self, options: FetchOptions, cache: UrlCache, now: int, resolve_host: HostResolver
    ) -> None:
        """`now`, epoch seconds, names this pass: within it no URL is asked for twice."""
        self._options = options
        self._cache = cache
        self._now = now
        self._hosts = HostLimits(options.total_concurrency, options.per_host)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._guard = SsrfGuard(options.rules, resolve_host, options.total_concurrency)
        self._session = _session(options, self._guard)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()
        await self._guard.close()

    async def fetch(self, text: str) -> Fetched | Rejection:
        """Image at a URL, or why there is none; never raises for what a site does.

        Raises:
            StorageError: the cache cannot be written.
        """
        async with self._locks.setdefault(text, asyncio.Lock()):
            known = await asyncio.to_thread(self._cache.recall, text)
            if known is not None and self._is_fresh(known):
                return known.outcome
            copy = known.outcome if known and isinstance(known.outcome, Fetched) else None
            request = _Request(text, self._cache.incoming(text), copy)
            outcome = await self._try(request)
            return await asyncio.to_thread(self._remember, request, outcome)

    def _is_fresh(self, known: Known) -> bool:
        age = self._now - known.asked_at
        if isinstance(known.outcome, Rejection) and known.outcome.code not in SETTLED:
            return age == 0
        return age == 0 or 0 < age < self._options.recheck_seconds

    def _remember(self, request: _Request, outcome: Fetched | Failure) -> Fetched | Rejection:
        if isinstance(outcome, Fetched):
            incoming = request.incoming if outcome.how == "new" else None
            return self._cache.keep(request.text, outcome, self._now, incoming)
        if request.copy is not None and outcome.rejection.code not in GONE:
            return self._cache.keep(request.text, replace(request.copy, how="kept"), self._now)
        self._cache.reject(request.text, outcome.rejection, self._now)
        return outcome.rejection

    async def _try(self, request: _Request) -> Fetched | Failure:
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
            pause = retry_pause(failure, attempt, self._options.first_pause, random.random())
            if pause is None or attempt >= self._options.retries:
                return failure
            await asyncio.sleep(pause)
            attempt += 1

    async def _follow(self, url: Url, request: _Request) -> Fetched:
        """One try: ask, and follow redirects by hand, each of them checked anew."""
        loop = asyncio.get_running_loop()
        seconds = self._options.seconds
        for _ in range(MOST_REDIRECTS + 1):
            if url.is_address:
                self._guard.check(url.host)
            host = self._hosts.host(url.host)
            async with self._hosts.slot(host):
                started = loop.time()
                async with asyncio.timeout(seconds):
                    step = await self._ask(url, host, request)
                seconds -= loop.time() - started
            if isinstance(step, Fetched):
                return step
            url = step
        raise DownloadRefused(refusal("too_many_redirects", f"more than {MOST_REDIRECTS} times"))

    async def _ask(self, url: Url, host: HostLimit, request: _Request) -> Fetched | Url:
        """One request: the image, or where to go on."""
        copy = request.copy if request.copy and request.copy.final_url == url.text else None
        async with self._session.get(
            URL(url.text, encoded=True), headers=_conditions(copy), allow_redirects=False
        ) as response:
            if response.status in REDIRECTS:
                return self._next(url, response)
            if response.status == 304 and copy is not None:
                return replace(copy, how="unchanged")
            self._refuse_status(response, host)
            size = await save(
                response, request.incoming, self._options.max_bytes, self._options.idle_seconds
            )
            return _fetched(request.incoming, size, url, response)

    def _refuse_status(self, response: aiohttp.ClientResponse, host: HostLimit) -> None:
        seconds = read_retry_after(response.headers.get("Retry-After"), datetime.now(UTC))
        failure = status_failure(response.status, seconds)
        if failure is None:
            return
        pause = retry_pause(failure, 0, self._options.first_pause, 1.0)
        if pause is not None and (seconds or response.status == 429):
            host.rest(pause)  # the host's other images would only be refused as well
        raise DownloadRefused(failure)

    def _next(self, url: Url, response: aiohttp.ClientResponse) -> Url:
        location = response.headers.get("Location")
        if not location:
            raise DownloadRefused(refusal("http_error", "a redirect leads nowhere"))
        following = next_hop(url, location, self._options.ports)
        if isinstance(following, Rejection):
            raise DownloadRefused(following)
        return following


def _session(options: FetchOptions, guard: SsrfGuard) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(
        resolver=guard,
        socket_factory=guard.socket,
        ssl=ssl.create_default_context(),
        limit=0,  # HostLimits gives the slots, and its waiting does not count as slowness
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,  # no proxies and no .netrc
        headers={
            "User-Agent": options.user_agent,
            "Accept": "image/*,*/*;q=0.1",
            "Accept-Encoding": "identity",
        },
        timeout=aiohttp.ClientTimeout(
            total=None, sock_connect=options.idle_seconds, sock_read=options.idle_seconds
        ),
    )


def _conditions(copy: Fetched | None) -> dict[str, str]:
    if copy is None:
        return {}
    pairs = {"If-None-Match": copy.etag, "If-Modified-Since": copy.last_modified}
    return {name: value for name, value in pairs.items() if value}


def _fetched(path: Path, size: int, url: Url, response: aiohttp.ClientResponse) -> Fetched:
    return Fetched(
        path=path,
        etag=_header(response, "ETag", _LONGEST_VALIDATOR),
        last_modified=_header(response, "Last-Modified", _LONGEST_VALIDATOR),
        size=size,
        content_type=_header(response, "Content-Type", _LONGEST_TYPE),
        final_url=url.text,
    )


def _header(response: aiohttp.ClientResponse, name: str, longest: int) -> str:
    """Header that is kept and sent back; "" for one that is odd."""
    value = response.headers.get(name, "").strip()
    return value if len(value) <= longest and value.isascii() and value.isprintable() else ""
