"""First directory of a TIFF, which an EXIF block is too (TIFF 6.0, section 2)."""

from __future__ import annotations

from typing import Literal

_ENTRY = 12  # bytes
_MOST_ENTRIES = 500
_SHORT = 3


def first_directory(tiff: bytes) -> tuple[Literal["little", "big"], int, int]:
    """Byte order, where the entries start and how many there are, as the file says."""
    order: Literal["little", "big"] = "little" if tiff[:2] == b"II" else "big"
    directory = int.from_bytes(tiff[4:8], order)
    return order, directory + 2, int.from_bytes(tiff[directory : directory + 2], order)


def first_value(tiff: bytes, tag: int) -> int | None:
    """Number that the first directory gives for `tag`, None when it gives none.

    Nothing in the directory is followed, so no file can loop.
    """
    order, first, entries = first_directory(tiff)
    for at in range(first, first + _ENTRY * min(entries, _MOST_ENTRIES), _ENTRY):
        if int.from_bytes(tiff[at : at + 2], order) == tag:
            kind = int.from_bytes(tiff[at + 2 : at + 4], order)
            return int.from_bytes(tiff[at + 8 : at + (10 if kind == _SHORT else 12)], order)
    return None


def is_cut_tiff(data: bytes) -> bool:
    """Tell whether a file ends before its first directory does."""
    _, first, entries = first_directory(data)
    return is_classic(data) and first + _ENTRY * entries > len(data)


def is_classic(data: bytes) -> bool:
    """Recognise the layout that is read here; a BigTIFF has another."""
    return data[2:4] in (b"*\0", b"\0*")
