"""Page of a table, held by columns: what makes cells takes it a column at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

from pipeline.core.page_columns import joined_columns, shortest
from pipeline.core.table import Row


class Page(Sequence[Row]):
    """Rows of a table, held by columns, and a sequence of rows too.

    Attributes:
        columns: values of each column, each as long as the page.
    """

    __slots__ = ("_rows", "columns")

    def __init__(self, columns: Sequence[Sequence[object]], rows: int) -> None:
        self.columns, self._rows = columns, rows

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Page:
        """Turn rows into a page; a page is one already."""
        return rows if isinstance(rows, Page) else cls(list(zip(*rows, strict=True)), len(rows))

    @classmethod
    def joined(cls, pages: Sequence[Page]) -> Page:
        """Join pages of the same columns."""
        if len(pages) == 1:
            return pages[0]
        columns = [*map(joined_columns, zip(*[page.columns for page in pages], strict=True))]
        return cls(columns, sum(map(len, pages)))

    def shortest(self) -> Page:
        """Hold each column as short as can be."""
        return Page([*map(shortest, self.columns)], self._rows)

    def __len__(self) -> int:
        return self._rows

    def __iter__(self) -> Iterator[Row]:
        return zip(*self.columns, strict=True)

    @overload
    def __getitem__(self, at: int) -> Row: ...

    @overload
    def __getitem__(self, at: slice) -> Page: ...

    def __getitem__(self, at: int | slice) -> Row | Page:
        if isinstance(at, int):
            return tuple([column[at] for column in self.columns])
        rows = len(range(*at.indices(self._rows)))
        return self if rows == self._rows else Page([one[at] for one in self.columns], rows)
