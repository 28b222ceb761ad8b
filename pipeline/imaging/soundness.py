"""What a file says about its own completeness, which the decoders do not look at."""

from __future__ import annotations

import zlib
from typing import Literal

_SIGNATURE = 8
_SHAPES_PIXELS = frozenset({b"IHDR", b"PLTE", b"IDAT", b"tRNS"})


def broken_png(data: bytes) -> str:
    """Words for the first chunk of pixel data whose checksum is wrong, "" when all are right.

    A file that just ends is not judged here: the decoder notices that by itself.
    """
    view = memoryview(data)
    position = _SIGNATURE
    while position + 12 <= len(data):
        length = int.from_bytes(view[position : position + 4], "big")
        end = position + 8 + length
        kind = bytes(view[position + 4 : position + 8])
        if end + 4 > len(data):
            break
        if kind in _SHAPES_PIXELS:
            said = int.from_bytes(view[end : end + 4], "big")
            if zlib.crc32(view[position + 4 : end]) != said:
                return f"the checksum of a {kind.decode('ascii')} chunk is wrong"
        if kind == b"IEND":
            break
        position = end + 4
    return ""


def is_cut_short(data: bytes, format: str) -> bool:
    """True when a file that could not be decoded ends before the end that it announces."""
    if format == "WebP":
        return int.from_bytes(data[4:8], "little") + 8 > len(data)
    if format == "TIFF" and data[2:4] in (b"*\0", b"\0*"):
        order: Literal["little", "big"] = "little" if data[:2] == b"II" else "big"
        directory = int.from_bytes(data[4:8], order)
        entries = int.from_bytes(data[directory : directory + 2], order)
        return directory + 2 + 12 * entries > len(data)
    return False
