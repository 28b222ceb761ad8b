"""Codes of run-length packing against the rows that they fill, for formats whose decoders stop when
the picture is full and never look at the lengths that the file gives.

All rows of a picture are walked at once, a code of each at a time, so that no row costs more than
its codes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from pipeline.imaging.stored_end import PSD_PACKED, psd_pixels, tga_pixels

_PCX_HEADER, _PCX_PALETTE, _PCX_RUN, _PCX_COUNT = 128, 769, 0xC0, 0x3F
_SGI_HEADER, _SGI_LITERAL, _SGI_COUNT = 512, 0x80, 0x7F
_SUN_HEADER, _SUN_ESCAPE = 32, b"\x80"
_TGA_PACKED, _TGA_RUN, _TGA_COUNT = 8, 0x80, 0x7F
_MOST_BYTES = 32 << 20  # of one long row of codes, whose walk takes memory or time

Numbers = npt.NDArray[np.int64]


def fills_rows(data: bytes, format: str) -> bool:
    """Tell whether the packed pixels of a decoded PCX, PSD, SGI, TGA or Sun raster give just as
    many bytes as its rows have; True for other formats and for plain pixels."""
    fills = _FILLS.get(format)
    return fills is None or fills(data)


def _fills_pcx(data: bytes) -> bool:
    """Bytes from 0xC0 on are counts, of the byte behind: of several in a row, every other one."""
    if not data[2]:
        return True
    top, bottom, line = (int.from_bytes(data[at : at + 2], "little") for at in (6, 10, 66))
    has_palette = (data[3], data[65]) == (8, 1) and data[
        -_PCX_PALETTE : 1 - _PCX_PALETTE
    ] == b"\x0c"
    end = len(data) - _PCX_PALETTE if has_palette else len(data)
    codes = np.frombuffer(data, np.uint8)[_PCX_HEADER:end]
    if len(codes) > _MOST_BYTES:
        return True
    high = np.flatnonzero(codes >= _PCX_RUN)
    number = np.arange(len(high))
    begins = np.diff(high, prepend=-2) != 1
    first = np.maximum.accumulate(np.where(begins, number, 0))  # of those in a row
    counts = high[(number - first) % 2 == 0]
    runs = int((codes[counts] & _PCX_COUNT).sum(dtype=np.int64))
    size = runs + len(codes) - 2 * len(counts)
    return size == line * data[65] * (bottom - top + 1)


def _fills_psd(data: bytes) -> bool:
    at, channels, height, width, depth = psd_pixels(data)
    if data[at : at + 2] != PSD_PACKED:
        return True
    lengths = np.frombuffer(data, ">u2", channels * height, at + 2).astype(np.int64)
    first = at + 2 + 2 * channels * height
    ends = first + np.cumsum(lengths)
    return _all_filled(data, ends - lengths, ends, -(-width * depth // 8), _packbits)


def _fills_sgi(data: bytes) -> bool:
    width, height, channels = (int.from_bytes(data[at : at + 2], "big") for at in (6, 8, 10))
    if not data[2] or data[3] != 1:
        return True
    rows = height * max(channels, 1)
    starts = np.frombuffer(data, ">u4", rows, _SGI_HEADER).astype(np.int64)
    lengths = np.frombuffer(data, ">u4", rows, _SGI_HEADER + 4 * rows).astype(np.int64)
    return _all_filled(data, starts, starts + lengths, width, _sgi_code)


def _fills_sun(data: bytes) -> bool:
    """One byte is the escape: what follows it is 0, for itself, or a count less one and a byte."""
    width, height, bits, kind = (int.from_bytes(data[at : at + 4], "big") for at in (4, 8, 12, 20))
    start = _SUN_HEADER + int.from_bytes(data[28:32], "big")
    if kind != 2 or len(data) > _MOST_BYTES:
        return True
    size, at = len(data) - start, data.find(_SUN_ESCAPE, start)
    while 0 <= at < len(data) - 1:
        count = data[at + 1]
        size += count - 2 if count else -1
        at = data.find(_SUN_ESCAPE, at + (3 if count else 2))
    return size == -(-width * bits // 16) * 2 * height


def _fills_tga(data: bytes) -> bool:
    """Codes are counts less one, of the pixels behind them or, from 0x80 on, of the one pixel."""
    at, end, size = tga_pixels(data)
    left = int.from_bytes(data[12:14], "little") * int.from_bytes(data[14:16], "little")
    if not data[2] & _TGA_PACKED:
        return True
    while left > 0 and at < end:
        code = data[at]
        count = (code & _TGA_COUNT) + 1
        at += 1 + (size if code >= _TGA_RUN else size * count)
        left -= count
    return left == 0 and at == end


def _packbits(codes: Numbers) -> tuple[Numbers, Numbers]:
    """Bytes that each code takes, and bytes that it gives."""
    literal = codes < 128
    taken = np.where(literal, codes + 2, np.where(codes == 128, 1, 2))
    return taken, np.where(literal, codes + 1, np.where(codes == 128, 0, 257 - codes))


def _sgi_code(codes: Numbers) -> tuple[Numbers, Numbers]:
    count = codes & _SGI_COUNT
    return np.where(codes >= _SGI_LITERAL, count + 1, np.where(count == 0, 1, 2)), count


def _all_filled(
    data: bytes,
    at: Numbers,
    ends: Numbers,
    width: int,
    code: Callable[[Numbers], tuple[Numbers, Numbers]],
) -> bool:
    """Tell whether the codes of each row, from `at` on, end at its end and give `width` bytes."""
    codes_left = 2 * width + 1  # at most one that gives nothing before each that does
    if len(ends) and (int(ends.max()) > len(data) or int(at.min()) < 0):
        return False
    packed = np.frombuffer(data, np.uint8)
    filled = np.zeros(len(at), np.int64)
    while (open_rows := np.flatnonzero(at < ends)).size:
        taken, gives = code(packed[at[open_rows]].astype(np.int64))
        at[open_rows] += taken
        filled[open_rows] += gives
        codes_left -= 1
        if not codes_left or int(filled.max()) > width:
            return False
    return bool((filled == width).all() and (at == ends).all())


_FILLS: dict[str, Callable[[bytes], bool]] = {
    "PCX": _fills_pcx,
    "PSD": _fills_psd,
    "SGI": _fills_sgi,
    "TGA": _fills_tga,
    "Sun raster": _fills_sun,
}
