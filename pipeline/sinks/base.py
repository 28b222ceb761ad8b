"""Protocol of a place for captions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

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


class Sink(Protocol):
    """Table that is replaced as a whole: readers see the old one or the new one."""

    def write(
        self, pages: Iterable[Sequence[Row]], cells: Cells, metadata: Mapping[str, str]
    ) -> WrittenTable:
        """Replace the table by `pages`, rows as `cells` expects them.

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
