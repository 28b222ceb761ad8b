"""Entries for images at URLs. They are downloaded before the crawl; here the cache is looked at."""

from __future__ import annotations

import os
import re
from pathlib import Path

from pipeline.core.download import refusal
from pipeline.records import Rejection, SourceFile
from pipeline.sources.base import problem_entry, to_text
from pipeline.url_cache import UrlCache

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def is_url(text: str) -> bool:
    """True for anything with a scheme, usable or not: such a text never names a file."""
    return _URL.match(text) is not None


class RemoteFiles:
    """Looks at the downloads that URLs have become."""

    def __init__(self, cache: Path | None) -> None:
        """`cache` is the folder of a UrlCache; without one no URL is an image."""
        self._cache = None if cache is None else UrlCache(cache)

    def path_of(self, url: str) -> str:
        """The openable path of a URL's download, "" without a cache."""
        return "" if self._cache is None else str(self._cache.image(url))

    def entry(self, url: str, columns: dict[str, str], line: int) -> SourceFile:
        """The image named by its URL, or the reason why there is none."""
        seen = self._look(url)
        if isinstance(seen, Rejection):
            return problem_entry(url, seen.code, f"line {line}: {seen.detail}", columns)
        location = to_text(self.path_of(url))
        return SourceFile("", url, location, seen.st_size, seen.st_mtime_ns, seen.st_ino, columns)

    def _look(self, url: str) -> os.stat_result | Rejection:
        if self._cache is None:
            return refusal("url_not_enabled", "allow it, or download the images first")
        return self._cache.look(url) or refusal("not_downloaded")
