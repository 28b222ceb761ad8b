"""Row groups of a table: where they begin, and what tells whether their rows have changed.

A group is known by a checksum of its rows as the ledger gives them, and of all else that their
cells are made of: so cells are made only of groups that have changed. A row begins a group by a
checksum of what identifies it, whatever stands around it. So a row that comes or goes changes the
group that it is in, and no other.
"""

from __future__ import annotations

import zlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from xxhash import xxh3_128

from pipeline.core.cells import Cells
from pipeline.core.table import Row
from pipeline.sinks.arrow import batch_of, well_formed

FEWEST_ROWS = 16_384
MOST_ROWS = 131_072
_EVERY = 16_384  # one row in so many begins a group, if that before it is large enough
_BATCH_ROWS = 8_192
_BYTES = 16_000_000  # of a group's rows, packed, if it has enough of them
_MOST_BYTES = 64_000_000


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

    def add(self, rows: Sequence[Row]) -> None:
        """Add rows; equal groups are added in equal pieces."""
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
        return self._batches or [
            self._batch_of(msgspec.msgpack.decode(packed)) for packed in self._packed
        ]

    def _batch_of(self, rows: Sequence[Row]) -> Any:
        return batch_of(self._schema, self._cells.columns, self._cells.of(rows))


def _packed(rows: Sequence[Row]) -> bytes:
    """MessagePack of rows; texts that UTF-8 cannot hold become what the table shows of them."""
    try:
        return msgspec.msgpack.encode(rows)
    except UnicodeEncodeError:
        return msgspec.msgpack.encode(
            [[well_formed(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
        )


def row_groups(
    pages: Iterable[Sequence[Row]], cells: Cells, schema: Any, *, waits: bool = False
) -> Iterator[RowGroup]:
    """Cut rows into groups; memory is that of one of them. See RowGroup for `waits`."""
    group = RowGroup(cells, schema, waits=waits)
    cutter = _Cutter(cells.identity)
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

    def __init__(self, identity: int) -> None:
        self.rows = 0
        self._identity = identity

    def pieces(self, pages: Iterable[Sequence[Row]]) -> Iterator[tuple[Sequence[Row], bool]]:
        """(rows, whether their group ends with them), so that equal groups have equal pieces."""
        piece: list[Row] = []
        for page in pages:
            starts, at = self._starts(page), 0
            while at < len(page):
                # the next row that may begin a group
                number = bisect_left(starts, at + max(0, FEWEST_ROWS - self.rows))
                cut = starts[number] if number < len(starts) else len(page)
                stop = min(cut, at + _BATCH_ROWS - len(piece), at + MOST_ROWS - self.rows)
                piece += page[at:stop]
                self.rows, at = self.rows + stop - at, stop
                is_end = (stop == cut < len(page)) or self.rows == MOST_ROWS
                if is_end or len(piece) == _BATCH_ROWS:
                    yield piece, is_end
                    piece = []
        if piece:
            yield piece, True

    def _starts(self, page: Sequence[Row]) -> list[int]:
        """Numbers of the rows that may begin a group."""
        at = self._identity
        return [
            number
            for number, row in enumerate(page)
            if not zlib.crc32(str(row[at]).encode("utf-8", "replace")) % _EVERY
        ]
