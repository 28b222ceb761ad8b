"""PNG's own checksums, which Pillow does not look at for pixel data."""

from __future__ import annotations

import zlib

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
