"""Protocols of a place for rows: whatever is written, and a table in one file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from msgspec import Struct

from pipeline.core.cells import Cells
from pipeline.core.table import Row


class WrittenTable(Struct, frozen=True):
    """Rows as they lie on the disk.

    Attributes:
        rows: how many.
        sha256: of the file, hex; "" where each row has a file of its own.
        bytes: of the file.
        path: of the file.
        summary: what became of the rows, "" where their number says it.
        problems: sentences about rows that a person may want to look at.
        complete: false when a row could not be written, and is to be tried again.
        groups: rows of each part that the next table may take over as it is.
    """

    rows: int
    sha256: str = ""
    bytes: int = 0
    path: Path = Path()
    summary: str = ""
    problems: tuple[str, ...] = ()
    complete: bool = True
    groups: tuple[int, ...] = ()


class TableChanges(Struct, frozen=True):
    """Changes of a table that is known by its row groups.

    Attributes:
        rows: of each group, as it was.
        changed: numbers of the groups with other rows than before.
        more: how many rows have come into a group, by its number; none ever goes.
        pages: rows from the start of a group on to the end of the table.
    """

    rows: Sequence[int]
    changed: frozenset[int]
    more: Mapping[int, int]
    pages: Callable[[int], Iterable[Sequence[Row]]]


class Sink(Protocol):
    """Place for rows, in one file or in many."""

    def write(
        self, pages: Iterable[Sequence[Row]], cells: Cells, metadata: Mapping[str, str]
    ) -> WrittenTable:
        """Write `pages`, rows as `cells` expects them; each file is whole or as it was.

        Raises:
            StorageError: they cannot be written.
        """
        ...


class TableSink(Sink, Protocol):
    """Table that `write` replaces as a whole: readers see the old one or the new one.

    What does not read back as it was written is a BooksError, and the old table is as it was.
    """

    def check(self, rows: int) -> None:
        """Read the whole table.

        Raises:
            BooksError: it is damaged, or does not have `rows` rows.
        """
        ...


@runtime_checkable
class RecordedTable(TableSink, Protocol):
    """Table of which the ledger has a record.

    Attributes:
        announce: called with what is written before that takes the place of the old table, which
            stays when it raises.
        earlier: sound table of which parts may be taken over, whatever stands where the new one
            goes; None where no table is known to be as it was written.
    """

    announce: Callable[[WrittenTable], None]
    earlier: Path | None


@runtime_checkable
class ChangeableTable(RecordedTable, Protocol):
    """Table of which the parts without a change are copies of an earlier one's."""

    def rows_of_groups(self, cells: Cells, metadata: Mapping[str, str]) -> list[int]:
        """Rows of each part that may be taken over; [] where the new table would be made
        otherwise."""
        ...

    def write_changes(
        self, changes: TableChanges, cells: Cells, metadata: Mapping[str, str]
    ) -> WrittenTable:
        """Write the earlier table with these changes.

        Raises:
            BooksError: a part that is to be taken over is damaged; nothing is written.
            StorageError: it cannot be written.
        """
        ...
