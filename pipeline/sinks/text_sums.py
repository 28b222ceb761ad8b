"""Sums of the texts in a folder: as long as one stays the same, so do the texts.

A text that is known costs its stat, where opening and reading it take twenty times as long.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from xxhash import xxh3_128_intdigest

_BYTES = 16


class FileMark(NamedTuple):
    """Mark of a file that changes with its bytes, and when another file takes its name; a rename
    leaves it as it is."""

    size: int
    mtime_ns: int
    inode: int

    @staticmethod
    def of(status: os.stat_result) -> FileMark:
        """Mark of a file by its stat."""
        return FileMark(status.st_size, status.st_mtime_ns, status.st_ino)


def sum_of_texts(
    folder: Path, suffix: str, expected: Mapping[str, FileMark] | None = None
) -> bytes | None:
    """Sum over the texts in a folder, 16 bytes; None where it cannot be read, or where texts that
    are `expected` by their names are not as they were."""
    expected = expected or {}
    total = seen = 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.name.endswith(suffix):
                    continue
                status = entry.stat()
                if (mark := expected.get(entry.name)) is not None:
                    seen += 1
                    if mark != FileMark.of(status):
                        return None
                text = (
                    f"{entry.name}\0{status.st_size}\0{status.st_mtime_ns}"
                    f"\0{status.st_ctime_ns}\0{status.st_ino}"
                )
                total += xxh3_128_intdigest(text.encode("utf-8", "surrogateescape"))
    except OSError:
        return None
    if seen < len(expected):
        return None
    return (total % (1 << 8 * _BYTES)).to_bytes(_BYTES, "little")
