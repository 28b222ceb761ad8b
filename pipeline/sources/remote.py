"""Entries for images at URLs: their downloads in the cache, or their addresses as they are."""

from __future__ import annotations

import re

from pipeline.core.download import refusal
from pipeline.core.stored_address import scheme_of
from pipeline.records import Rejection, SourceFile
from pipeline.sources.base import SourceOptions, problem_entry, to_text
from pipeline.sources.download.cache import UrlCache
from pipeline.sources.download.notes import FileStat
from pipeline.storage.place import OBJECT_SCHEMES

STALE_DOWNLOAD = "stale_download"
"""Flag of an image whose site gave something else at the last look: the earlier copy counts."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def is_url(text: str) -> bool:
    """Recognise anything with a scheme, usable or not: such a text never names a file."""
    return _URL.match(text) is not None


def is_web(text: str) -> bool:
    """Recognise a web address, which is downloaded or passed on, not an object's."""
    return is_url(text) and scheme_of(text) not in OBJECT_SCHEMES


class RemoteFiles:
    """Makes entries from URLs, with the cache or with the passthrough."""

    def __init__(self, options: SourceOptions) -> None:
        """Take cache and passthrough from `options`; without either every URL is rejected."""
        self._passthrough = options.url_passthrough
        self._cache = None if options.url_cache is None else UrlCache(options.url_cache)

    def path_of(self, url: str) -> str:
        """Openable path of a URL's download, or the address that is sent; "" for neither."""
        if self._passthrough is not None:
            passed = self._passthrough(url)
            return "" if isinstance(passed, Rejection) else passed
        return "" if self._cache is None else str(self._cache.image(url))

    def entry(self, url: str, columns: dict[str, str], where: str) -> SourceFile:
        """Image named by its URL, or the reason why there is none."""
        if self._passthrough is not None:
            passed = self._passthrough(url)
            if isinstance(passed, Rejection):
                return _problem(url, passed, columns, where)
            return SourceFile("", url, passed, columns=columns)
        stat_or_reason = self._stat(url)
        if isinstance(stat_or_reason, Rejection):
            return _problem(url, stat_or_reason, columns, where)
        location = to_text(self.path_of(url))
        doubted = self._cache is not None and self._cache.is_doubted(url)
        flags = (STALE_DOWNLOAD,) if doubted else ()
        return SourceFile("", url, location, *stat_or_reason, columns=columns, flags=flags)

    def _stat(self, url: str) -> FileStat | Rejection:
        if self._cache is None:
            return refusal(
                "url_not_enabled",
                "allow it with --fetch, or pass their addresses on with --image-mode url",
            )
        return self._cache.stat(url) or refusal("not_downloaded")


def _problem(url: str, why: Rejection, columns: dict[str, str], where: str) -> SourceFile:
    entry = problem_entry(url, why.code, f"{where}: {why.detail}", columns)
    return entry._replace(flags=(why.code,)) if why.code == "placeholder" else entry
