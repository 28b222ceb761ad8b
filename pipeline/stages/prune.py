"""Deletion of downloaded images that are no longer needed.

Only images are deleted, never their notes, so there is nothing to record and nothing to be killed
between: a deleted image is known as before, is not downloaded again for a re-check, and comes back
when a changed prompt or a retry needs its bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec import Struct

from pipeline.ledger import Ledger
from pipeline.sources.download.cache import UrlCache
from pipeline.sources.download.notes import Stored
from pipeline.system.failpoints import reached
from pipeline.system.files import remove

_HOUR = 3600


class CacheLimits(Struct, frozen=True):
    """Limits of the cache of downloads.

    Attributes:
        bytes: of all images together; the ones downloaded first go first.
        seconds: since an image was downloaded.
    """

    bytes: int
    seconds: int


class PruneResult(Struct):
    """Counts of images deleted, and of their bytes."""

    images: int = 0
    bytes: int = 0


def prune(
    ledger: Ledger,
    cache: Path,
    limits: CacheLimits,
    now: int,
    check_stop: Callable[[], None] = lambda: None,
) -> PruneResult:
    """Delete images that are too old or too many, but none that a pending caption needs.

    Memory: 8 bytes of hash for each image that is needed, and a count for each hour.

    Raises:
        StorageError: one cannot be deleted.
    """
    result, stored = PruneResult(), UrlCache(cache)
    total, oldest = 0, now
    for image in stored.stored():
        total, oldest = total + image.size, min(oldest, image.mtime)
    if total <= limits.bytes and oldest >= now - limits.seconds:
        return result
    needed = {_number(Path(location)) for location in ledger.images.needed()}
    before = _cutoff(stored, needed, total - limits.bytes, now - limits.seconds)
    for image in _free(stored, needed):
        due = image.mtime < now - limits.seconds
        if due or (image.mtime // _HOUR <= before and total - result.bytes > limits.bytes):
            check_stop()
            reached("prune.before_delete")
            remove(image.path)
            result.images += 1
            result.bytes += image.size
    return result


def _free(stored: UrlCache, needed: set[int]) -> Iterator[Stored]:
    return (image for image in stored.stored() if _number(image.path) not in needed)


def _cutoff(stored: UrlCache, needed: set[int], excess: int, due: int) -> int:
    """Hour up to which images must go so that `excess` bytes are free; those downloaded
    before `due` go anyway."""
    hours: Counter[int] = Counter()
    for image in _free(stored, needed):
        if image.mtime < due:
            excess -= image.size
        else:
            hours[image.mtime // _HOUR] += image.size
    last = -1
    for hour in sorted(hours):
        if excess <= 0:
            break
        excess, last = excess - hours[hour], hour
    return last


def _number(path: Path) -> int:
    """Name of an image, a hash, as a number of 64 bits; -1 for another file."""
    try:
        return int(path.name[:16], 16)
    except ValueError:
        return -1
