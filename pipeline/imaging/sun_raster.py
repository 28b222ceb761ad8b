"""Sun rasters as Pillow shall see them: it unpacks the bytes that fill up a row of odd length into
the next row, and takes the first of four bytes a pixel, which fills up, for the last.
"""

from __future__ import annotations

import numpy as np

_HEADER, _LENGTH = 32, slice(16, 24)  # of the pixels, and the kind of the file behind it
_STANDARD, _PACKED = 1, 2
_ESCAPE = b"\x80"
_FOUR_BYTES, _COLOURS = 32, 24  # bits a pixel


def sun_size(data: bytes) -> tuple[int, int]:
    """Width and height by the header."""
    return _big(data, 4), _big(data, 8)


def with_plain_rows(data: bytes) -> bytes:
    """File whose pixels are not packed and have at most three bytes."""
    if len(data) < _HEADER:
        return data
    (width, height), bits, kind = sun_size(data), _big(data, 12), _big(data, 20)
    if kind != _PACKED and bits != _FOUR_BYTES:
        return data
    start = _HEADER + _big(data, 28)
    size = -(-width * bits // 16) * 2 * height
    pixels = _unpacked(data, start, size) if kind == _PACKED else data[start : start + size]
    if bits == _FOUR_BYTES:
        pixels, bits = _without_filling(pixels, width), _COLOURS
    kind = _STANDARD if kind == _PACKED else kind
    numbers = b"".join(number.to_bytes(4, "big") for number in (len(pixels), kind))
    head = data[:12] + bits.to_bytes(4, "big") + numbers + data[_LENGTH.stop : start]
    return head + pixels


def _unpacked(data: bytes, start: int, size: int) -> bytes:
    """Up to `size` bytes; behind an escape stand 0, for itself, or a count less one and a byte."""
    parts, length, at = [], 0, start
    while length < size and at < len(data):
        escape = data.find(_ESCAPE, at)
        end = len(data) if escape < 0 else escape
        parts.append(data[at:end])
        length += end - at
        at, code = end + 2, data[end + 1 : end + 3]
        if code[:1] == b"\0":
            part = _ESCAPE
        else:
            part, at = code[1:] * (code[0] + 1) if code else b"", at + 1
        parts.append(part)
        length += len(part)
    return b"".join(parts)[:size]


def _without_filling(pixels: bytes, width: int) -> bytes:
    """Rows of three bytes a pixel, of an even length, of whole rows of four."""
    row = 4 * width
    rows = np.frombuffer(pixels, np.uint8, len(pixels) // row * row if row else 0)
    colours = rows.reshape(-1, max(width, 1), 4)[..., 1:].reshape(-1, max(3 * width, 1))
    return np.pad(colours, ((0, 0), (0, width % 2))).tobytes()


def _big(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "big")
