"""Entries for images at URLs. They are downloaded before the crawl, and here the cache is looked
at; or their addresses are passed on, and nothing is."""

from __future__ import annotations

import re

from pipeline.core.download import refusal
from pipeline.records import Rejection, SourceFile
from pipeline.sources.base import SourceOptions, problem_entry, to_text
from pipeline.sources.download.cache import Seen, UrlCache

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def is_url(text: str) -> bool:
    """True for anything with a scheme, usable or not: such a text never names a file."""
    return _URL.match(text) is not None


class RemoteFiles:
    """Looks at the downloads that URLs have become, or passes the URLs on."""

    def __init__(self, options: SourceOptions) -> None:
        """Without a cache and without `passing` no URL is an image."""
        self._passing = options.passing
        self._cache = None if options.url_cache is None else UrlCache(options.url_cache)

    def path_of(self, url: str) -> str:
        """The openable path of a URL's download, or the address that is sent; "" for neither."""
        if self._passing is not None:
            passed = self._passing(url)
            return "" if isinstance(passed, Rejection) else passed
        return "" if self._cache is None else str(self._cache.image(url))

    def entry(self, url: str, columns: dict[str, str], line: int) -> SourceFile:
        """The image named by its URL, or the reason why there is none."""
        if self._passing is not None:
            passed = self._passing(url)
            if isinstance(passed, Rejection):
                return _problem(url, passed, columns, line)
            return SourceFile("", url, passed, columns=columns)
        seen = self._look(url)
        if isinstance(seen, Rejection):
            return _problem(url, seen, columns, line)
        location = to_text(self.path_of(url))
        return SourceFile("", url, location, *seen, columns=columns)

    def _look(self, url: str) -> Seen | Rejection:
        if self._cache is None:
            return refusal(
                "url_not_enabled",
                "allow it with --fetch, or pass their addresses on with --image-mode url",
            )
        return self._cache.look(url) or refusal("not_downloaded")


def _problem(url: str, why: Rejection, columns: dict[str, str], line: int) -> SourceFile:
    return problem_entry(url, why.code, f"line {line}: {why.detail}", columns)
