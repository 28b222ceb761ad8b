"""Table of captions brought up to date: only row groups with changed rows are read and made."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from pipeline.core.cells import Cells
from pipeline.core.table import Row
from pipeline.errors import BooksError
from pipeline.ledger import Ledger
from pipeline.ledger.rows import COLUMNS
from pipeline.sinks.base import ChangeableTable, Sink, TableChanges, WrittenTable
from pipeline.stages.table_facts import REVIEWED_AS, table_step

_GROUPS = "table_groups"  # a fact of the ledger: first image of each row group, and what is shown


class ReviewedRows(Protocol):
    """Decisions of people about captions, put into the rows of the table."""

    def last_step(self) -> int:
        """Number of their last step, 0 for none."""
        ...

    def step_mark(self, step: int) -> str | None:
        """Checksum of a step, None where there is no such one."""
        ...

    def sources_since(self, step: int) -> Sequence[bytes]:
        """Pictures that a later step was about."""
        ...

    def rows(self, pages: Iterable[Sequence[Row]], names: Sequence[str]) -> Iterator[Sequence[Row]]:
        """Pages of rows whose columns are `names`, with what was decided."""
        ...


def write_changes(
    ledger: Ledger,
    sink: Sink,
    cells: Cells,
    metadata: Mapping[str, str],
    review: ReviewedRows | None,
) -> WrittenTable | None:
    """Bring a table that is as it was written up to date; None where it must be read as a whole:
    what has changed is not known or is much, or all rows are shown otherwise than before.

    Raises:
        StorageError: it cannot be written; the old table is as it was.
    """
    facts = json.loads(ledger.get(_GROUPS) or "{}")
    if facts.get("cells") != cells.fingerprint() or not isinstance(sink, ChangeableTable):
        return None
    edited = edited_sources(ledger, review)
    rows, starts = sink.rows_of_groups(cells, metadata), facts["starts"]
    if edited is None or not rows or len(rows) != len(starts):
        return None
    groups = ledger.changed_rows.groups(starts, edited)
    if groups is None:
        return None

    def pages(group: int) -> Iterable[Sequence[Row]]:
        read = ledger.changed_rows.pages(starts, group)
        return read if review is None else review.rows(read, tuple(COLUMNS))

    try:
        changes = TableChanges(rows, groups.changed, groups.more, pages)
        return sink.write_changes(changes, cells, metadata)
    except BooksError:
        return None


def edited_sources(ledger: Ledger, review: ReviewedRows | None) -> Sequence[bytes] | None:
    """Pictures about which people decided since the table was written; None where that has
    decisions which there are not any more."""
    before = table_step(ledger)
    if not before and review is None:
        return []
    if review is None or review.step_mark(before) != ledger.get(REVIEWED_AS):
        return None
    return review.sources_since(before)


def note_groups(ledger: Ledger, written: WrittenTable, cells: Cells) -> None:
    """Note changes of the table from here on; to be called in the transaction that records it."""
    ledger.changed_rows.begin_anew()
    starts = ledger.changed_rows.starts(written.groups)
    facts = {"starts": starts, "cells": cells.fingerprint()} if starts else None
    ledger.put(_GROUPS, json.dumps(facts) if facts else None)
