"""HTTP session of downloads: what a request says, and what is kept of an answer."""

from __future__ import annotations

import ssl
from pathlib import Path

import aiohttp

from pipeline.sources.download.notes import Fetched
from pipeline.sources.download.options import FetchOptions
from pipeline.sources.download.ssrf_guard import SsrfGuard
from pipeline.sources.download.url import Url

_LONGEST_VALIDATOR = 512
_LONGEST_TYPE = 100


def open_web_session(options: FetchOptions, guard: SsrfGuard) -> aiohttp.ClientSession:
    """Open a session that keeps the rules about addresses."""
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


def conditions(copy: Fetched | None) -> dict[str, str]:
    """Headers that let a site say that a copy is still current."""
    if copy is None:
        return {}
    pairs = {"If-None-Match": copy.etag, "If-Modified-Since": copy.last_modified}
    return {name: value for name, value in pairs.items() if value}


def fetched_from(path: Path, size: int, url: Url, response: aiohttp.ClientResponse) -> Fetched:
    """Downloaded image, with what its site said of it for the next look."""
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
