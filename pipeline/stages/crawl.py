"""crawl: what is in the source now? Unchanged folders cost one row, new and changed files ask
for a look, vanished ones are marked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

from pipeline.ledger import Ledger
from pipeline.sources.base import Listing, Source
from pipeline.stages.export import STALE

_CHUNK = 5_000  # files handed to the ledger at once
_GROUP = 200  # folders in one transaction


@dataclass(slots=True)
class Crawled:
    """What crawling came to.

    Attributes:
        source: row of the source.
        images: present images in all.
        todo: images that need a look.
        skipped: files that are no images, by suffix.
        changed: true when any row was written.
        problems: folders that could not be read, as sentences.
    """

    source: int
    images: int = 0
    todo: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    changed: bool = False
    problems: list[str] = field(default_factory=list)


def crawl(
    ledger: Ledger, source: Source, now: int, check_stop: Callable[[], None] = lambda: None
) -> Crawled:
    """Bring the ledger's view of a source up to date. Memory is constant in its size."""
    row = ledger.images.source(source.kind, source.locator, source.label)
    result = Crawled(row)
    number = ledger.images.begin_crawl(row)
    listings = source.listings()
    while group := list(islice(listings, _GROUP)):
        check_stop()
        # one transaction for many folders: a commit costs an fsync
        with ledger.database.transaction("crawl"):
            for listing in group:
                result.changed |= _look(ledger, row, listing, number, now)
    if source.complete:
        # a folder that could not be read is not proof that its images are gone
        with ledger.database.transaction("crawled"):
            ledger.images.finish_crawl(row, number)
    result.images = ledger.rows.images(row)
    result.todo = ledger.images.count_todo(row)
    result.skipped = ledger.images.skipped(row)
    result.problems = list(source.problems)
    if result.changed:
        ledger.put(STALE, "1")
    return result


def _look(ledger: Ledger, source: int, listing: Listing, crawl_number: int, now: int) -> bool:
    """One folder; True when it changed. Its digest is recorded last."""
    folder, before = ledger.images.folder(source, listing.folder)
    digest = listing.digest
    if digest == before:
        ledger.images.folder_unchanged(folder, crawl_number)
        return False
    entries = listing.entries()
    while chunk := list(islice(entries, _CHUNK)):
        ledger.images.upsert(folder, chunk, crawl_number, now)
    ledger.images.finish_folder(folder, digest, listing.skipped, crawl_number)
    return True
