"""Packed SGI as Pillow shall see it: it wants a 0 behind the codes of each row, which many writers
leave out (FFmpeg, for one), as the table says where a row ends.
"""

from __future__ import annotations

import numpy as np

_HEADER = 512


def with_ended_rows(data: bytes) -> bytes:
    """File in which each packed row, in the order of the table, ends with a 0; `data` itself where
    that is so, or where the table cannot be followed."""
    if len(data) < _HEADER or data[2] != 1 or data[3] not in (1, 2):
        return data
    size = data[3]  # of a sample, and so of a code
    height, channels = (int.from_bytes(data[at : at + 2], "big") for at in (8, 10))
    count = height * max(channels, 1)
    if len(data) < _HEADER + 8 * count:
        return data
    numbers = np.frombuffer(data, ">u4", 2 * count, _HEADER).astype(np.int64)
    starts, lengths = numbers[:count], numbers[count:]
    ends = starts + lengths
    if not count or int(ends.max()) > len(data) or int(lengths.min()) < size:
        return data
    codes = np.frombuffer(data, np.uint8)
    if not (codes[ends - 1] | codes[ends - size]).any():
        return data
    rows = [data[start:end] + bytes(size) for start, end in zip(starts, ends, strict=True)]
    lengths = lengths + size
    starts = _HEADER + 8 * count + np.cumsum(lengths) - lengths
    tables = np.concatenate((starts, lengths)).astype(">u4").tobytes()
    return b"".join((data[:_HEADER], tables, *rows))
