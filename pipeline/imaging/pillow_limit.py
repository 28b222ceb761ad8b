"""Pillow's own limit of pixels, out of force while our own decides.

It belongs to the whole process, which may be somebody else's: it is put back as soon as no image is
being decoded here.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

_lock = threading.Lock()
_inside = 0
_before: int | None = None


@contextmanager
def our_limit_decides() -> Iterator[None]:
    """No limit of Pillow's inside; safe in several threads, and inside itself."""
    global _inside, _before
    with _lock:
        if not _inside:
            _before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                Image.MAX_IMAGE_PIXELS = _before


def webp_size(data: bytes) -> tuple[int, int]:
    """Width and height by a WebP's first chunk, (0, 0) when it is of no known kind.

    Pillow's plugin allocates the whole canvas before it tells its size.
    """
    kind = data[12:16]
    if kind == b"VP8X" and len(data) >= 30:
        return _little(data[24:27]) + 1, _little(data[27:30]) + 1
    if kind == b"VP8 " and len(data) >= 30:
        return _little(data[26:28]) & 0x3FFF, _little(data[28:30]) & 0x3FFF
    if kind == b"VP8L" and len(data) >= 25:
        bits = _little(data[21:25])
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return 0, 0


def _little(number: bytes) -> int:
    return int.from_bytes(number, "little")
