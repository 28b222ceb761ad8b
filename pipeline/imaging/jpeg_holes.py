"""Zeros in the coded data of a JPEG where no encoder writes so many: a block that was lost.

ITU-T T.81 annex C and F: Huffman codes are given by length, so the code of zeros alone is that of
the first symbol of its table. Where this is not "end of block", zeros are blocks full of the least
coefficients there are.
"""

from __future__ import annotations

import numpy as np

from pipeline.imaging.jpeg_header import JpegHeader

_HOLE = bytes(32)  # longer than the flat colours of one square beside its brightness
_WORD = 8  # bytes
_LARGE = 1 << 19  # bytes of a file; in smaller ones the call itself costs more than it saves
_EOI = b"\xff\xd9"
_SOS, _DHT = 0xDA, 0xC4
_END_OF_BLOCK = 0
_SEQUENTIAL = frozenset({"baseline", "extended"})


def has_hole(header: JpegHeader, data: bytes) -> bool:
    """Recognise zeros in the one scan of a sequential JPEG that no picture would give."""
    if header.process not in _SEQUENTIAL or not _may_have_hole(data, header.scans_at):
        return False
    at = data.find(_HOLE, header.scans_at)
    if at < 0:
        return False
    scan = data[header.scans_at + 4 :]
    if scan[:1] != bytes((header.components,)) or data.find(_EOI, header.scans_at, at) >= 0:
        return False  # scans of single components, or what stands behind the picture
    table = scan[2] & 15  # of the first component, which is the brightness
    return _first_symbol(data, header.scans_at, table) not in (None, _END_OF_BLOCK)


def _may_have_hole(data: bytes, start: int) -> bool:
    """Tell whether any eight aligned bytes from `start` on are zeros, as some of every hole are: in
    a large file a tenth of the time of `bytes.find`, and nearly always the whole answer."""
    if len(data) < _LARGE:
        return True
    words = np.frombuffer(data, np.uint64, len(data) // _WORD)[-(-start // _WORD) :]
    return bool(np.minimum.reduce(words, initial=1) == 0)


def _first_symbol(data: bytes, end: int, table: int) -> int | None:
    """First symbol of a table for coefficients, None where the header has no such table."""
    position, symbol = 2, None
    while position + 4 <= end:
        if data[position] != 0xFF or data[position + 1] in (0xFF, _SOS):
            position += 1
            continue
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        if data[position + 1] == _DHT:
            first = _in_segment(data[position + 4 : position + 2 + length], table)
            symbol = symbol if first is None else first
        position += 2 + length
    return symbol


def _in_segment(segment: bytes, table: int) -> int | None:
    """First symbol of an AC table in a segment that may define several."""
    at, symbol = 0, None
    while at + 17 < len(segment):
        if segment[at] == 0x10 | table:
            symbol = segment[at + 17]
        at += 17 + sum(segment[at + 1 : at + 17])
    return symbol
