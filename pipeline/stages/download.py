"""Download of images at URLs, before the crawl reads them like other files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct, field

from pipeline.core.reasons import WAITING_DOWNLOADS
from pipeline.records import Rejection
from pipeline.sources.base import NamesUrls, Source
from pipeline.sources.download import FetchOptions, fetch_all


class Downloads(Struct):
    """Counts of a download; a URL that is named twice counts twice.

    Attributes:
        new: images downloaded.
        unchanged: images that are still the same at their site.
        reused: images that were not due for a re-check, or whose site gave no answer.
        bytes: of the new images.
        waiting: URLs whose host is to be asked in another run.
        rejected: URLs without an image, by reason.
    """

    new: int = 0
    unchanged: int = 0
    reused: int = 0
    bytes: int = 0
    waiting: int = 0
    rejected: Counter[str] = field(default_factory=Counter)

    @property
    def urls(self) -> int:
        """Number of URLs dealt with."""
        return self.new + self.unchanged + self.reused + self.waiting + self.rejected.total()


def download_urls(
    source: Source,
    options: FetchOptions,
    cache: Path,
    now: int,
    check_stop: Callable[[], None] = lambda: None,
    watch: Callable[[Downloads], None] = lambda _downloads: None,
    tell: Callable[[str], None] = lambda _sentence: None,
) -> Downloads:
    """Download what a source names by URL, new or due for a re-check. Memory is constant.

    The source finds the images, and the reasons of those that have none, in `cache`, which must
    be its `SourceOptions.url_cache`. Nothing is contacted unless `options.allow`.

    Args:
        tell: called with sentences about hosts that ask for a pause, or that are left alone.

    Raises:
        StorageError: the cache cannot be written; run again, what is there stays.
        UsageError: the source's list became unreadable.
    """
    result = Downloads()
    if not options.allow or not isinstance(source, NamesUrls):
        return result
    urls = enumerate(source.urls())
    downloads = fetch_all(urls, options, cache, now=now, check_stop=check_stop, tell=tell)
    for _, download in downloads:
        if isinstance(download, Rejection) and download.code in WAITING_DOWNLOADS:
            result.waiting += 1
        elif isinstance(download, Rejection):
            result.rejected[download.code] += 1
        elif download.how == "new":
            result.new += 1
            result.bytes += download.size
        elif download.how == "unchanged":
            result.unchanged += 1
        else:
            result.reused += 1
        watch(result)
    return result
