"""Row groups of a table: where they begin, and what tells whether their rows have changed.

A group is known by a checksum of its rows as the ledger gives them, and of all else that their
cells are made of: so cells are made only of groups that have changed. A row begins a group by a
checksum of what identifies it, whatever stands around it. So a row that comes or goes changes the
group that it is in, and no other.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from xxhash import xxh3_128

from pipeline.core.cells import Cells
from pipeline.core.page_columns import Hashes, Repeated
from pipeline.core.table import Row
from pipeline.core.table_page import Page
from pipeline.sinks.arrow import batch_of, well_formed

FEWEST_ROWS = 16_384
MOST_ROWS = 131_072
_EVERY = 16_384  # one row in so many begins a group, if that before it is large enough
_BATCH_ROWS = 2_048  # four times as many take 40 MB more and no less time
_BYTES = 13_000_000  # of a group's rows, packed, if it has enough of them
_MOST_BYTES = 26_000_000
_PIECE_TEXT = 8_000_000  # characters


class RowGroup:
    """Rows of one row group.

    Attributes:
        rows: how many.
        bytes: of the rows, packed.
    """

    def __init__(self, cells: Cells, schema: Any, *, waits: bool) -> None:
        """Begin a group; one that `waits` holds its rows packed until somebody needs its cells."""
        self.rows = self.bytes = 0
        self._cells, self._schema, self._waits = cells, schema, waits
        self._digest = xxh3_128()
        self._packed: list[bytes] = []
        self._batches: list[Any] = []

    def add(self, rows: Page) -> None:
        """Add rows; equal groups are added in equal pieces."""
        rows = rows.shortest()  # equal rows are packed alike
        packed = _packed(rows)
        self.rows += len(rows)
        self.bytes += len(packed)
        self._digest.update(self._cells.facts_of(rows))
        self._digest.update(packed)
        if self._waits:
            self._packed.append(packed)
        else:
            self._batches.append(self._batch_of(rows))

    def name(self) -> str:
        """Checksum of all that the group's cells are made of; hex."""
        return self._digest.hexdigest()

    def batches(self) -> list[Any]:
        """Record batches of the group."""
        return self._batches or [self._batch_of(_unpacked(packed)) for packed in self._packed]

    def _batch_of(self, rows: Page) -> Any:
        return batch_of(self._schema, self._cells.columns, self._cells.of(rows))


def _packed(rows: Page) -> bytes:
    """MessagePack of a page by its columns, a value that all rows have once; texts that UTF-8
    cannot hold become what the table shows of them."""
    columns = [*map(_short, rows.columns)]
    try:
        return msgspec.msgpack.encode([len(rows), columns])
    except UnicodeEncodeError:
        return msgspec.msgpack.encode([len(rows), [
            column if isinstance(column, bytes)
            else [well_formed(cell) if isinstance(cell, str) else cell for cell in column]
            for column in columns
        ]])  # fmt: skip


def _short(column: Sequence[object]) -> bytes | Sequence[object]:
    if isinstance(column, Hashes):
        return column.joined
    return [column.value] if isinstance(column, Repeated) else column


def _unpacked(packed: bytes) -> Page:
    rows, columns = msgspec.msgpack.decode(packed)
    return Page([_long(column, rows) for column in columns], rows)


def _long(column: bytes | Sequence[object], rows: int) -> Sequence[object]:
    if isinstance(column, bytes):
        return Hashes(column)
    return Repeated(column[0], rows) if len(column) == 1 else column


def row_groups(
    pages: Iterable[Sequence[Row]], cells: Cells, schema: Any, *, waits: bool = False
) -> Iterator[RowGroup]:
    """Cut rows into groups; memory is that of one of them. See RowGroup for `waits`."""
    group = RowGroup(cells, schema, waits=waits)
    cutter = _Cutter(cells)
    for rows, is_end in cutter.pieces(pages):
        if rows:
            group.add(rows)
        full = group.bytes >= (_BYTES if cutter.rows >= FEWEST_ROWS else _MOST_BYTES)
        if group.rows and (is_end or full):
            yield group
            group, cutter.rows = RowGroup(cells, schema, waits=waits), 0
    if group.rows:
        yield group


class _Cutter:
    """Cuts pages of rows into pieces; `rows` are those of the group so far."""

    def __init__(self, cells: Cells) -> None:
        self.rows = 0
        self._identity, self._long = cells.identity, cells.long

    def pieces(self, pages: Iterable[Sequence[Row]]) -> Iterator[tuple[Page, bool]]:
        """(rows, whether their group ends with them), so that equal groups have equal pieces."""
        piece, held, text = list[Page](), 0, 0
        for page in map(Page.of, filter(None, pages)):
            at, cut, of_page = 0, 0, self._text(page)
            text += of_page  # at most, as a part of the page may be in the piece before
            while at < len(page):
                if cut <= at or not self.rows:
                    cut = self._begin(page, at + max(0, FEWEST_ROWS - self.rows))
                stop = min(cut, at + _BATCH_ROWS - held, at + MOST_ROWS - self.rows)
                if is_long := text >= _PIECE_TEXT:
                    stop, is_long = self._within(piece, page, at, stop)
                if stop > at:
                    piece.append(page[at:stop])
                held, self.rows, at = held + stop - at, self.rows + stop - at, stop
                is_end = (stop == cut < len(page)) or self.rows == MOST_ROWS
                if is_end or is_long or held == _BATCH_ROWS:
                    yield Page.joined(piece), is_end
                    piece, held, text = [], 0, of_page
        if piece:
            yield Page.joined(piece), True

    def _text(self, page: Page) -> int:
        """Characters of a page's long texts."""
        columns: Any = [page.columns[at] for at in self._long]
        return sum(sum(map(len, filter(None, column))) for column in columns)

    def _within(self, piece: list[Page], page: Page, at: int, stop: int) -> tuple[int, bool]:
        """Row before which a piece stops, and whether it is as long as one may be then."""
        text = sum(map(self._text, piece))
        columns: Any = [page.columns[column] for column in self._long]
        for number in range(at, stop):
            text += sum(len(column[number] or "") for column in columns)
            if text >= _PIECE_TEXT:
                return number + 1, True
        return stop, False

    def _begin(self, page: Page, first: int) -> int:
        """Number of the next row from `first` on that may begin a group, or of all rows."""
        names = page.columns[self._identity]
        for number in range(first, len(page)):
            if not zlib.crc32(str(names[number]).encode("utf-8", "replace")) % _EVERY:
                return number
        return len(page)
