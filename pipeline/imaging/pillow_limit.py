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
