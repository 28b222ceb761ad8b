"""Row groups of a table: where they begin, and what tells whether their rows have changed.

A row begins a group by a checksum of what identifies it, whatever stands around it. So a row that
comes or goes changes the group that it is in, and no other.
"""

from __future__ import annotations

import zlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from xxhash import xxh3_128

from pipeline.core.table import Cells, Row
from pipeline.sinks.arrow import batch_of

FEWEST_ROWS = 16_384
MOST_ROWS = 131_072
_EVERY = 16_384  # one row in so many begins a group, if that before it is large enough
_BATCH_ROWS = 8_192
_BYTES = 24_000_000  # of a group in memory, if it has enough rows
_MOST_BYTES = 64_000_000


def row_groups(
    pages: Iterable[Sequence[Row]], cells: Cells, schema: Any
) -> Iterator[Sequence[Any]]:
    """Record batches of each row group; memory is that of one group."""
    group: list[Any] = []
    size = 0
    cutter = _Cutter(cells.identity)
    for rows, is_end in cutter.pieces(pages):
        if rows:
            group.append(batch_of(schema, cells.columns, cells.of(rows)))
            size += group[-1].nbytes
        full = size >= (_BYTES if cutter.rows >= FEWEST_ROWS else _MOST_BYTES)
        if group and (is_end or full):
            yield group
            group, size, cutter.rows = [], 0, 0
    if group:
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


def digest_of(group: Sequence[Any]) -> str:
    """Checksum of the cells of a group, whatever file they are in; hex."""
    digest = xxh3_128()
    for batch in group:
        for column in batch.columns:
            for buffer in column.buffers():
                digest.update(b"-" if buffer is None else buffer.size.to_bytes(8, "little"))
                digest.update(b"" if buffer is None else buffer)
    return digest.hexdigest()
