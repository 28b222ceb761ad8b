"""Counts and first bytes of files that a source may not list."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable

from pipeline.core.skipped_files import TEXT_SUFFIXES, beside_images
from pipeline.imaging.sniff import (
    HEAD_BYTES,
    TAIL_BYTES,
    is_tga_by_its_end,
    needs_more,
    sniff_head,
)

_MOST_BYTES = 1 << 20
_MOST_SUFFIXES = 100
_LONGEST_SUFFIX = 12


class PairedTexts:
    """Texts beside the images of a folder (`cat.jpg`, `cat.txt`), which are no strays."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._stems: set[str] = set()
        self._suffixes: set[str] = set()

    def image(self, stem: str, suffix: str) -> None:
        """Note an image by both parts of its name."""
        self._stems.add(stem)
        self._suffixes.add(suffix)

    def move(self, skipped: Counter[str], names: Iterable[str]) -> None:
        """Count the texts among the names of a part of the folder as beside their images: ones
        noted since the last part, or ones that are looked for."""
        for name in names if any(map(skipped.get, TEXT_SUFFIXES)) else ():
            stem, suffix = os.path.splitext(name)  # noqa: PTH122 (a Path costs five times as much)
            if suffix not in TEXT_SUFFIXES or skipped[suffix] <= 0:
                continue
            if stem in self._stems or self._is_there(stem):
                skipped[beside_images(suffix)] += 1
                skipped[suffix] -= 1
        self._stems.clear()
        for suffix in TEXT_SUFFIXES:
            if not skipped[suffix]:
                del skipped[suffix]

    def _is_there(self, stem: str) -> bool:
        path = os.path.join(self._folder, stem)  # noqa: PTH118
        return any(os.path.lexists(path + suffix) for suffix in self._suffixes)


def is_image_file(path: str) -> bool:
    """Tell whether a file is an image, or a document of pages, by its first and last bytes.

    Raises:
        OSError: the file cannot be read.
    """
    head = read_head(path)
    if sniff_head(head) is not None:
        return True
    if needs_more(head):
        return sniff_head(read_head(path, _MOST_BYTES)) is not None
    return len(head) >= TAIL_BYTES and is_tga_by_its_end(_read_tail(path))


def read_head(path: str, length: int = HEAD_BYTES) -> bytes:
    """First bytes of a file; never waits on a pipe that took the file's place.

    Raises:
        OSError: the file cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.read(descriptor, length)
    finally:
        os.close(descriptor)


def _read_tail(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        size = os.fstat(descriptor).st_size
        return os.pread(descriptor, TAIL_BYTES, max(size - TAIL_BYTES, 0))
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
