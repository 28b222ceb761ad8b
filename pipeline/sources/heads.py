"""Counts and first bytes of files that a source may not list."""

from __future__ import annotations

import os
from collections import Counter

from pipeline.imaging.sniff import HEAD_BYTES, needs_more, sniff_head

_MOST_BYTES = 1 << 20
_MOST_SUFFIXES = 100
_LONGEST_SUFFIX = 12


def is_image_file(path: str) -> bool:
    """Tell whether a file is an image by its first bytes.

    Raises:
        OSError: the file cannot be read.
    """
    head = read_head(path)
    if sniff_head(head) is not None:
        return True
    return needs_more(head) and sniff_head(read_head(path, _MOST_BYTES)) is not None


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
