"""First directory of a TIFF, which an EXIF block is too (TIFF 6.0, section 2)."""

from __future__ import annotations

from typing import Literal

_ENTRY = 12  # bytes
_MOST_ENTRIES = 500
_SHORT = 3
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
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
    may be padding."""
    if not is_classic(data):
        return None
    order, first, count = first_directory(data)
    end, tags = first + _ENTRY * count + 4, dict[int, list[int]]()
    if count > _MOST_ENTRIES or _number(data, end - 4, 4, order):
        return None
    for at in range(first, first + _ENTRY * count, _ENTRY):
        tag, kind, length = (_number(data, at + k, n, order) for k, n in ((0, 2), (2, 2), (4, 4)))
        size = _SIZES.get(kind, 0)
        if tag in _DIRECTORIES or not size:
            return None
        place = at + 8 if size * length <= 4 else _number(data, at + 8, 4, order)
        end = max(end, place + size * length)
        if tag in _PARTS:
            places = range(place, place + size * length, size)
            tags[tag] = [_number(data, part, size, order) for part in places]
    for offsets, lengths in ((273, 279), (324, 325)):
        parts = zip(tags.get(offsets, ()), tags.get(lengths, ()), strict=False)
        end = max([end, *(start + length for start, length in parts)])
    return end + 1


def _number(data: bytes, at: int, length: int, order: Literal["little", "big"]) -> int:
    return int.from_bytes(data[at : at + length], order)
