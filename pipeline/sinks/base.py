"""Protocols of a place for rows: whatever is written, and a table in one file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pipeline.core.cells import Cells
from pipeline.core.table import Row


@dataclass(frozen=True, slots=True)
class WrittenTable:
    """Rows as they lie on the disk.

    Attributes:
        rows: how many.
        sha256: of the file, hex; "" where each row has a file of its own.
        bytes: of the file.
        path: of the file.
        summary: what became of the rows, "" where their number says it.
        problems: sentences about rows that a person may want to look at.
        complete: false when a row could not be written, and is to be tried again.
    """

    rows: int
    sha256: str = ""
    bytes: int = 0
    path: Path = Path()
    summary: str = ""
    problems: tuple[str, ...] = ()
    complete: bool = True


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
