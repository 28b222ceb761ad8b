"""Is it an image? By extension at once, else by the first 64 bytes."""

from __future__ import annotations

import os
from collections import Counter

_COMMON = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".dib")
_OTHERS = (".tif", ".tiff", ".heic", ".heif", ".hif", ".avif", ".jxl", ".svg")
_RAW = (".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf", ".pef", ".srw")
IMAGE_SUFFIXES: frozenset[str] = frozenset(_COMMON + _OTHERS + _RAW)
"""What is always listed; what cannot be decoded then gets its reason from the preparation."""

_HEAD = 64
_STARTS = (
    b"\xff\xd8\xff",  # JPEG
    b"\x89PNG\r\n\x1a\n",
    b"GIF87a",
    b"GIF89a",
    b"II*\0",  # TIFF, and most RAW formats
    b"MM\0*",
    b"II+\0",  # BigTIFF
    b"MM\0+",
    b"\0\0\0\x0cJXL \r\n\x87\n",
)
_BRANDS = frozenset(
    (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis")
)
_BMP_HEADERS = frozenset((12, 40, 52, 56, 64, 108, 124))
_MOST_SUFFIXES = 100
_LONGEST_SUFFIX = 12


def looks_like_image(head: bytes) -> bool:
    """True when `head` (a file's first 64 bytes) begins as an image format does."""
    if head.startswith(_STARTS):
        return True
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return True
    if head[4:8] == b"ftyp":
        return head[8:12] in _BRANDS
    if head[:2] == b"BM":
        return int.from_bytes(head[14:18], "little") in _BMP_HEADERS
    return b"<svg" in head


def read_head(path: str) -> bytes:
    """The first 64 bytes of a file; never waits on a pipe that took the file's place.

    Raises:
        OSError: the file cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.read(descriptor, _HEAD)
    finally:
        os.close(descriptor)


def suffix_of(name: str) -> str:
    """Lower-case suffix with its dot, "" when there is none."""
    return os.path.splitext(name)[1].lower()  # noqa: PTH122 (a Path costs five times as much)


def count_skipped(skipped: Counter[str], suffix: str) -> None:
    """Count one more skipped file; odd and all too many suffixes share one word."""
    word = suffix or "(no suffix)"
    if not (suffix.isascii() and suffix.isprintable()) or len(suffix) > _LONGEST_SUFFIX:
        word = "(other)"
    if word not in skipped and len(skipped) >= _MOST_SUFFIXES:
        word = "(other)"
    skipped[word] += 1
