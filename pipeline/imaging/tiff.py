"""First directory of a TIFF, which an EXIF block is too (TIFF 6.0, section 2)."""

from __future__ import annotations

from typing import Literal

_ENTRY = 12  # bytes
_MOST_ENTRIES = 500
_SHORT = 3
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 16: 8}
_PARTS = frozenset({273, 279, 324, 325})
_DIRECTORIES = frozenset({330, 513, 34665, 34853, 40965})  # elsewhere, and not walked here


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


def end_of_tiff(data: bytes) -> int | None:
    """End of the last part of a file of one page, None where a part may not be known. A byte more
    may fill it up."""
    order: Literal["little", "big"] = "little" if data[:2] == b"II" else "big"
    wide = 4 if is_classic(data) else 8  # bytes of an offset, and of a number of values
    entry, counted = 4 + 2 * wide, 2 if wide == 4 else 8
    directory = _number(data, wide, wide, order)
    first, count = directory + counted, _number(data, directory, counted, order)
    end, tags = first + entry * count + wide, dict[int, list[int]]()
    if count > _MOST_ENTRIES or _number(data, end - wide, wide, order):
        return None
    for at in range(first, first + entry * count, entry):
        places = ((0, 2), (2, 2), (4, wide))
        tag, kind, length = (_number(data, at + k, n, order) for k, n in places)
        size = _SIZES.get(kind, 0)
        if tag in _DIRECTORIES or not size:
            return None
        place = at + 4 + wide
        if size * length > wide:
            place = _number(data, place, wide, order)
        end = max(end, place + size * length)
        if tag in _PARTS:
            parts = range(place, min(place + size * length, len(data)), size)
            tags[tag] = [_number(data, part, size, order) for part in parts]
    for offsets, lengths in ((273, 279), (324, 325)):
        pairs = zip(tags.get(offsets, ()), tags.get(lengths, ()), strict=False)
        end = max([end, *(start + length for start, length in pairs)])
    return end + 1 if data[end:] == b"\0" else end + end % 2


def _number(data: bytes, at: int, length: int, order: Literal["little", "big"]) -> int:
    return int.from_bytes(data[at : at + length], order)
