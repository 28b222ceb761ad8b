"""Downloads for synchronous code: all of them, as they are ready."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core.download import refusal
from pipeline.records import Rejection
from pipeline.sources.download.cache import UrlCache
from pipeline.sources.download.notes import Fetched
from pipeline.sources.download.options import FetchOptions

if TYPE_CHECKING:
    from pipeline.sources.download.ssrf_guard import HostResolver


def fetch_all(
    urls: Iterable[tuple[int, str]],
    options: FetchOptions,
    cache: Path,
    *,
    now: int | None = None,
    check_stop: Callable[[], None] = lambda: None,
    resolve_host: HostResolver | None = None,
    tell: Callable[[str], None] = lambda _sentence: None,
) -> Iterator[tuple[int, Fetched | Rejection]]:
    """Download images to `cache`; gives each URL's number with its image or its reason.

    Results come as they are ready, not in order; each number comes exactly once. `urls` is read
    in the caller's thread, at most `8 * total_concurrency` ahead of what was handed back: memory is
    constant in their number. The cache belongs to one caller at a time.

    Args:
        urls: (number, URL) pairs; a URL that comes again is not downloaded again.
        options: see FetchOptions; without `allow` nothing is contacted.
        cache: a folder, made when missing.
        now: epoch seconds, for deciding what is due for a re-check.
        check_stop: called every half a second or so; may raise to end the downloads.
        tell: called with sentences about hosts that ask for a pause, or that are left alone.
        resolve_host: how names become addresses; None asks the operating system.

    Raises:
        StorageError: the cache cannot be written. Nothing that a site does raises.
        ValueError: `options.allow_addresses` holds something that is no network.
    """
    if not options.allow:
        detail = "allow it in the configuration, or download the images first"
        for number, _ in urls:
            yield number, refusal("url_not_enabled", detail)
        return
    waiting = iter(urls)
    first = next(waiting, None)
    if first is None:
        return
    from pipeline.sources.download.sync_bridge import SyncBridge

    moment = int(time.time()) if now is None else now
    with SyncBridge(options, UrlCache(cache), moment, resolve_host) as bridge:
        yield from bridge.run(itertools.chain([first], waiting), check_stop, tell)
    bridge.tell_all(tell)
