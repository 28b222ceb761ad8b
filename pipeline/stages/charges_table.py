"""Table of charges, one row an answer, of which only row groups with changed rows are made anew.

The ledger remembers one such table, the last one, and what has changed since: so another file, also
one at another place, costs what is new. See `core.charges` for the rows.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, chain
from pathlib import Path

from msgspec import Struct, ValidationError, convert, to_builtins
from msgspec.structs import replace
from xxhash import xxh3_128

from pipeline.core.cells import Cells
from pipeline.core.charges import COLUMNS as CHARGED
from pipeline.core.table import Row
from pipeline.errors import BooksError
from pipeline.ledger import Ledger
from pipeline.ledger.changed_charges import ChargesMark
from pipeline.ledger.charges import BEHIND, COLUMNS, FORM, Charges
from pipeline.ledger.page_cache import small_cache
from pipeline.sinks.base import ChangeableTable, RecordedTable, Sink, TableChanges, WrittenTable
from pipeline.stages.table_facts import elect, is_as_written, table_metadata
from pipeline.system.files import checksum_of

_RECORD = "charges_written"  # a fact of the ledger
_MOST = 20_000  # changed works that are kept; where there are more, the whole table is made anew

_Rests = Mapping[int, Row]
"""Rows of what was charged beyond the answers, by their reservations."""


class _Written(Struct, frozen=True, forbid_unknown_fields=True):
    """Table that was written last.

    Attributes:
        path: of its file.
        xxh3: checksum of its file, hex.
        form: checksum of the SQL and of the columns that its rows were made with, hex.
        rows: number of rows of each row group.
        starts: id of the first answer in each row group; `BEHIND` where it has none.
        mark: state of the ledger then.
        rests: reservations of the rows behind the answers.
        rests_sum: checksum of those rows, hex.
        works: those about which something has changed between the mark and the last table of
            captions; None when they are too many, or not known.
    """

    path: str
    xxh3: str
    form: str
    rows: list[int]
    starts: list[int]
    mark: ChargesMark
    rests: list[int]
    rests_sum: str
    works: list[int] | None

    @classmethod
    def of(cls, ledger: Ledger) -> _Written | None:
        """Table that the ledger remembers; None where it remembers none, or where another version
        noted other things about it."""
        try:
            return convert(json.loads(ledger.get(_RECORD) or "{}"), cls)
        except ValidationError:
            return None

    def save(self, ledger: Ledger) -> None:
        """Let the ledger remember it."""
        # not by msgspec: the path may hold bytes that are no UTF-8, as surrogates
        ledger.put(_RECORD, json.dumps(to_builtins(self)))

    def is_intact(self) -> bool:
        """Tell whether its file is there as it was written."""
        return is_as_written(Path(self.path), self.xxh3)

    def known_starts(self) -> dict[int, int]:
        """First answers of its groups by the number of rows before them: new answers come behind
        all others."""
        starts = zip(accumulate(self.rows[:-1]), self.starts[1:], strict=True)
        return {position: start for position, start in starts if start <= self.mark.answer}


def write_charges(ledger: Ledger, sink: Sink) -> WrittenTable:
    """Write all that was ever charged, one row an answer; see `core.charges`.

    Raises:
        StorageError: it cannot be written.
    """
    elect(ledger, touched=ledger.changed_rows.are_known())
    before = _Written.of(ledger)
    if before is not None and not before.is_intact():
        before = None
    if isinstance(sink, RecordedTable):
        sink.earlier = None if before is None else Path(before.path)
    cells = Cells(COLUMNS, CHARGED, identity="work_key")
    form = xxh3_128(f"{FORM} {cells.fingerprint()}".encode()).hexdigest()
    with small_cache(ledger.database):
        changed = None
        if before is not None and before.form == form:
            changed = _write_changes(ledger, sink, before, cells)
        written, rests = changed or _write_all(ledger, sink, cells)
        known = before.known_starts() if before is not None and changed else {}
        _remember(ledger, written, rests, form, known)
    return written


def keep_changes(ledger: Ledger) -> None:
    """Keep for the table of charges what has changed, before the marks of the table of captions
    begin anew; to be called in the transaction that records that table."""
    before = _Written.of(ledger)
    if before is None or before.works is None:
        return
    works = None
    if ledger.changed_rows.are_known():
        works = sorted({*before.works, *ledger.charge_changes.works(before.mark.answer)})
    replace(before, works=works if works is None or len(works) <= _MOST else None).save(ledger)


def _write_all(ledger: Ledger, sink: Sink, cells: Cells) -> tuple[WrittenTable, _Rests]:
    charges = Charges(ledger.database)
    rests = charges.rests()
    pages = chain(charges.of_answers(0, BEHIND), [list(rests.values())])
    return sink.write(pages, cells, table_metadata(ledger)), rests


def _write_changes(
    ledger: Ledger, sink: Sink, before: _Written, cells: Cells
) -> tuple[WrittenTable, _Rests] | None:
    """Write the table with what has changed since another one; None where it must be read as a
    whole."""
    metadata, changes = table_metadata(ledger), ledger.charge_changes
    is_known = before.works is not None and ledger.changed_rows.are_known()
    if not is_known or not isinstance(sink, ChangeableTable):
        return None
    if sink.rows_of_groups(cells, metadata) != before.rows:
        return None
    works = {*(before.works or ()), *changes.works(before.mark.answer)}
    since = changes.since(before.mark, sorted(works))
    if since is None:
        return None
    rests = Charges(ledger.database).rests(sorted({*since.rests, *before.rests}))
    changed = {bisect_right(before.starts, answer) - 1 for answer in since.answers}
    end = bisect_right(before.starts, before.mark.answer) - 1
    if changes.any_behind(before.mark.answer) or _sum(rests) != before.rests_sum:
        changed.update(range(end, len(before.starts)))

    def pages(group: int) -> Iterable[Sequence[Row]]:
        return _pages_from(Charges(ledger.database), before, group, end, rests)

    try:
        table = TableChanges(before.rows, frozenset(changed), Counter(), pages)
        return sink.write_changes(table, cells, metadata), rests
    except BooksError:
        return None


def _pages_from(
    charges: Charges, before: _Written, group: int, end: int, rests: _Rests
) -> Iterator[Sequence[Row]]:
    """Pages of the rows from the start of a group on, a group at a time: whoever reads on into the
    next one pays for that only then.

    Args:
        end: the group from which on there may be more rows than before.

    Raises:
        BooksError: a group before that has other rows than were noted.
    """
    stops = [*before.starts[1:], BEHIND]
    for number in range(group, len(stops)):
        rows = 0
        for page in charges.of_answers(before.starts[number], stops[number]):
            rows += len(page)
            yield page
        if number < end and rows != before.rows[number]:
            raise BooksError(f"row group {number} has {rows} charges, not {before.rows[number]}")
    yield list(rests.values())


def _remember(
    ledger: Ledger, written: WrittenTable, rests: _Rests, form: str, known: Mapping[int, int]
) -> None:
    """Remember a table that was written, if what changes from here on is noted."""
    mark = ledger.charge_changes.mark()
    if mark is None or not written.groups:
        return
    path = written.path.absolute()
    record = _Written(
        path=str(path), xxh3=checksum_of(path).hex(), form=form, rows=[*written.groups],
        starts=ledger.charge_changes.starts(written.groups, known), mark=mark,
        rests=[*rests], rests_sum=_sum(rests), works=[],
    )  # fmt: skip
    with ledger.database.transaction("charges"):
        record.save(ledger)


def _sum(rests: _Rests) -> str:
    return xxh3_128(repr(sorted(rests.items())).encode("utf-8", "surrogatepass")).hexdigest()
