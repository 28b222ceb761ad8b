"""Crawl of a source: unchanged folders cost one row, new and changed files are to be read,
vanished ones are marked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, TypeGuard

from msgspec import Struct, field

from pipeline.core.losses import LossRule, empty_sentence, is_doubtful, loss_sentence
from pipeline.core.skipped_files import unopened_containers
from pipeline.ledger import Ledger
from pipeline.ledger.page_cache import small_cache
from pipeline.ledger.places import WITHOUT_LOCATIONS
from pipeline.ledger.recorded_files import split_recorded
from pipeline.ledger.unseen import Crawl
from pipeline.sources.base import (
    ComparesFiles,
    DecodesText,
    LeavesOut,
    Source,
    SourceListing,
    to_path,
)
from pipeline.stages.table_facts import STALE

if TYPE_CHECKING:
    from pipeline.sources.existing_text import ExistingTextReader

_CHUNK = 1_000  # files handed to the ledger at once
_GROUP = 200  # folders in one transaction
_COMPARED = 100_000  # images of one folder that are compared in memory
DEFAULT_LOSS_RULE = LossRule()


class CrawlResult(Struct):
    """Counts of a crawl.

    Attributes:
        sources: rows of the sources.
        images: present images in all.
        todo: images that must be read.
        skipped: files that are no images, by suffix.
        changed: true when any row was written.
        problems: folders that could not be read, as sentences.
        lost: images that are not there and are not taken for gone.
        troubles: sentences about sources without their images.
    """

    sources: tuple[int, ...] = ()
    images: int = 0
    todo: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    changed: bool = False
    problems: list[str] = field(default_factory=list)
    lost: int = 0
    troubles: list[str] = field(default_factory=list)

    def add(self, other: CrawlResult) -> None:
        """Add the counts of other sources."""
        self.sources += other.sources
        self.images += other.images
        self.todo += other.todo
        self.skipped.update(other.skipped)
        self.changed |= other.changed
        self.problems += (text for text in other.problems if text not in self.problems)
        self.lost += other.lost
        self.troubles += other.troubles


class CrawlRules(Struct, frozen=True):
    """Rules of a crawl.

    Attributes:
        reread: every file is read again, whatever its stamp.
        loss_rule: when images that are not there any more are taken for gone.
        texts: reader of the texts that images have already; None looks for none.
    """

    reread: bool = False
    loss_rule: LossRule = DEFAULT_LOSS_RULE
    texts: ExistingTextReader | None = None


DEFAULT_CRAWL_RULES = CrawlRules()


def crawl_all(
    ledger: Ledger,
    sources: Sequence[Source],
    now: int,
    check_stop: Callable[[], None] = lambda: None,
    expect: Callable[[int], None] = lambda _todo: None,
    rules: CrawlRules = DEFAULT_CRAWL_RULES,
) -> tuple[CrawlResult, dict[int, Source]]:
    """Bring the ledger's view of several sources up to date, one after the other; gives all counts
    together, and the sources by their rows. The arguments are those of `crawl`."""
    result, by_row = CrawlResult(), dict[int, Source]()
    with small_cache(ledger.database):
        for source in sources:
            announce = partial(_announce, expect, result.todo)
            crawled = crawl(ledger, source, now, check_stop, announce, rules)
            by_row[crawled.sources[0]] = source
            result.add(crawled)
    return result, by_row


def _announce(expect: Callable[[int], None], before: int, todo: int) -> None:
    """Announce the images of one source, behind those of the sources before it."""
    expect(before + todo)


def crawl(
    ledger: Ledger,
    source: Source,
    now: int,
    check_stop: Callable[[], None] = lambda: None,
    expect: Callable[[int], None] = lambda _todo: None,
    rules: CrawlRules = DEFAULT_CRAWL_RULES,
) -> CrawlResult:
    """Bring the ledger's view of a source up to date. Memory is constant in its size.

    Args:
        expect: called once, as early as possible, with how many images must be read at least.
    """
    row = ledger.images.source(source.kind, source.locator, source.label)
    result = CrawlResult((row,))
    current = Crawl(row, ledger.images.begin_crawl(row))
    ledger.unseen.begin()
    listings = source.listings() if rules.texts is None else rules.texts.listings(source)
    result.changed = _Recorder(
        ledger, current, now, expect, source.kind not in WITHOUT_LOCATIONS
    ).record_all(listings, check_stop)
    _note_source(ledger, source, current)
    result.skipped = ledger.images.skipped(row)
    _weigh_losses(ledger, source, current, rules.loss_rule, result)
    ledger.sources.note_crawl(row, now)
    if rules.reread:
        with ledger.database.transaction("reread"):
            ledger.images.reread(row)
            ledger.put(STALE, "1")
        result.changed = True
    result.images = ledger.rows.images(row)
    result.todo = ledger.images.count_todo(row)
    result.problems += filter(None, (*source.problems, unopened_containers(result.skipped)))
    return result


def _note_source(ledger: Ledger, source: Source, current: Crawl) -> None:
    """Note what is known after all listings: the encoding, and which folders were not seen."""
    if isinstance(source, DecodesText):
        ledger.images.note_encoding(current.source, source.encoding)
    if source.complete:
        # a folder that could not be read is not proof that its images are gone
        with ledger.database.transaction("unseen"):
            ledger.unseen.finish_folders(current)


def _weigh_losses(
    ledger: Ledger, source: Source, current: Crawl, rule: LossRule, result: CrawlResult
) -> None:
    """Take images that were not seen for gone, unless that is doubtful."""
    unseen, row = ledger.unseen, current.source
    if unseen.count():
        # before they are gone for good, which no later crawl notices again
        ledger.put(STALE, "1")
        result.changed = True
    known = unseen.usable_before(row)
    if isinstance(source, LeavesOut) and source.exclusion:
        exclusion = source.exclusion
        excluded = unseen.release(lambda path: exclusion.excludes_within(to_path(path)))
        known = None if known is None else known - excluded
    held, usable = unseen.count_usable(), unseen.usable(row)
    after = usable - held
    before = usable if known is None else known
    if held and is_doubtful(before, after, rule):
        result.lost = held
        result.troubles = [loss_sentence(source.label, before, after)]
        return
    unseen.accept(current, complete=source.complete)
    unseen.note_usable(row, after)
    if after == 0 and source.complete and not rule.may_be_empty:
        text = empty_sentence(source.label, result.skipped, ledger.rows.reject_reasons(row))
        if current.number == 1:
            result.troubles = [text]
        else:  # it is known to be empty
            result.problems.append(text)


class _Recorder(Struct):
    """Recorder of one crawl of a source in the ledger, folder by folder.

    Attributes:
        located: images are recorded with their location, which the ledger does not tell itself.
    """

    ledger: Ledger
    crawl: Crawl
    now: int
    expect: Callable[[int], None]
    located: bool = False
    announced: bool = False

    def record_all(self, listings: Iterator[SourceListing], check_stop: Callable[[], None]) -> bool:
        """Record all folders; True when one of them changed."""
        any_changed = False
        while True:
            check_stop()
            # one transaction for many folders: a commit costs an fsync. Each is recorded before the
            # next is listed, or the source would have let go of its files and read them again
            with self.ledger.database.transaction("crawl"):
                changed = [self.record(listing) for listing in islice(listings, _GROUP)]
                if any(changed):
                    self.ledger.put(STALE, "1")
            any_changed |= any(changed)
            if len(changed) < _GROUP:
                return any_changed

    def record(self, listing: SourceListing) -> bool:
        """Record one folder, its digest last; True when it changed."""
        images, unseen = self.ledger.images, self.ledger.unseen
        folder, before = images.folder(self.crawl.source, listing.folder)
        digest = listing.digest
        if digest == before:
            images.folder_unchanged(folder, self.crawl.number)
            return False
        count, recorded = images.recorded(folder), None
        if 0 < count <= _COMPARED and self._compares(listing):
            recorded = images.recorded_files(folder, listing.key_of)
            entries = listing.entries_but(recorded.by_key)
        else:
            entries = listing.entries()
        if self.located:
            entries = (e if e.columns is not None else e._replace(columns={}) for e in entries)
        while chunk := list(islice(entries, _CHUNK)):
            present = unseen.hold_missing(folder, chunk, self.crawl)
            if count and recorded is None:
                present, same = split_recorded(self.ledger.database, folder, present)
                unseen.note_seen(same)
            images.upsert(folder, present, self.crawl.number, self.now, new=count == 0)
            self._announce()
        rows = None if recorded is None else recorded.rows()
        unseen.finish_folder(folder, digest, listing.skipped, self.crawl, rows)
        return True

    def _compares(self, listing: SourceListing) -> TypeGuard[ComparesFiles]:
        """Tell whether what is known of a folder is compared in memory, file by file."""
        return not self.located and isinstance(listing, ComparesFiles) and listing.is_comparable

    def _announce(self) -> None:
        if not self.announced and (todo := self.ledger.images.count_todo(self.crawl.source)):
            self.announced = True
            self.expect(todo)
