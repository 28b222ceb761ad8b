"""Crawl of a source: unchanged folders cost one row, new and changed files are to be read,
vanished ones are marked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

from pipeline.ledger import Ledger
from pipeline.sources.base import DecodesText, Source, SourceListing
from pipeline.stages.export import STALE

_CHUNK = 1_000  # files handed to the ledger at once
_GROUP = 200  # folders in one transaction


@dataclass(slots=True)
class CrawlResult:
    """Counts of a crawl.

    Attributes:
        source: row of the source.
        images: present images in all.
        todo: images that must be read.
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
    ledger: Ledger,
    source: Source,
    now: int,
    check_stop: Callable[[], None] = lambda: None,
    expect: Callable[[int], None] = lambda _todo: None,
    *,
    reread: bool = False,
) -> CrawlResult:
    """Bring the ledger's view of a source up to date. Memory is constant in its size.

    Args:
        expect: called once, as early as possible, with how many images must be read at least.
        reread: every file is read again, whatever its stamp.
    """
    row = ledger.images.source(source.kind, source.locator, source.label)
    result = CrawlResult(row)
    number = ledger.images.begin_crawl(row)
    listings = source.listings()
    recorder = _Recorder(ledger, row, number, now, expect)
    while True:
        check_stop()
        # one transaction for many folders: a commit costs an fsync. Each is recorded before the
        # next is listed, or the source would have let go of its files and read them again
        with ledger.database.transaction("crawl"):
            changed = [recorder.record(listing) for listing in islice(listings, _GROUP)]
        result.changed |= any(changed)
        if len(changed) < _GROUP:
            break
    _note_source(ledger, source, row, number)
    ledger.sources.note_crawl(row, now)
    if reread:
        with ledger.database.transaction("reread"):
            ledger.images.reread(row)
        result.changed = True
    result.images = ledger.rows.images(row)
    result.todo = ledger.images.count_todo(row)
    result.skipped = ledger.images.skipped(row)
    result.problems = list(source.problems)
    if result.changed:
        ledger.put(STALE, "1")
    return result


def _note_source(ledger: Ledger, source: Source, row: int, number: int) -> None:
    """Note what is known after all listings: the encoding, and which folders are gone."""
    if isinstance(source, DecodesText):
        ledger.images.note_encoding(row, source.encoding)
    if source.complete:
        # a folder that could not be read is not proof that its images are gone
        with ledger.database.transaction("crawled"):
            ledger.images.finish_crawl(row, number)


@dataclass(slots=True)
class _Recorder:
    """Recorder of one crawl of a source in the ledger, folder by folder."""

    ledger: Ledger
    source: int
    number: int
    now: int
    expect: Callable[[int], None]
    announced: bool = False

    def record(self, listing: SourceListing) -> bool:
        """Record one folder, its digest last; True when it changed."""
        images = self.ledger.images
        folder, before = images.folder(self.source, listing.folder)
        digest = listing.digest
        if digest == before:
            images.folder_unchanged(folder, self.number)
            return False
        entries = listing.entries()
        while chunk := list(islice(entries, _CHUNK)):
            images.upsert(folder, chunk, self.number, self.now)
            self._announce()
        images.finish_folder(folder, digest, listing.skipped, self.number)
        return True

    def _announce(self) -> None:
        if not self.announced and (todo := self.ledger.images.count_todo(self.source)):
            self.announced = True
            self.expect(todo)
