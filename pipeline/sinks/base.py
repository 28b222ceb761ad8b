"""Protocol of a place for captions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from pipeline.core.table import Cells, Row


@dataclass(frozen=True, slots=True)
class WrittenTable:
    """Table as it lies on the disk.

    Attributes:
        rows: how many.
        sha256: of the file, hex.
        bytes: of the file.
        path: of the file.
    """

    rows: int
    sha256: str
    bytes: int
    path: Path = Path()


@runtime_checkable
class OutlinedRows(Protocol):
    """Pages of rows that can tell cheaply which of them are as they were.

    Attributes:
        salt: of everything that all rows depend on.
    """

    salt: bytes

    def __iter__(self) -> Iterator[Sequence[Row]]:
        """Yield pages of all rows."""
        ...

    def outline(self) -> Iterator[Sequence[Row]]:
        """Pages of (number, identity, facts...) of all rows in their order; a row with equal facts
        and an equal salt is equal."""
        ...

    def rows(self, numbers: Sequence[int]) -> Sequence[Row]:
        """Rows with these numbers, in this order."""
        ...


class Sink(Protocol):
    """Table that is replaced as a whole: readers see the old one or the new one."""

    def write(
        self, pages: Iterable[Sequence[Row]], cells: Cells, metadata: Mapping[str, str]
    ) -> WrittenTable:
        """Replace the table by `pages`, rows as `cells` expects them; they may be `OutlinedRows`.

        Raises:
            StorageError: it cannot be written; the old table is as it was.
            BooksError: what was written does not read back; the old table is as it was.
        """
        ...

    def check(self, rows: int) -> None:
        """Read the whole table.

        Raises:
            BooksError: it is damaged, or does not have `rows` rows.
        """
        ...
