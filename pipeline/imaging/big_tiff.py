"""BigTIFF of big-endian numbers as Pillow shall see it: it reads only those of little-endian ones.

The directories are written again, with four bytes an offset; the pixels stay where they are
(libtiff.org, BigTIFF design).
"""

from __future__ import annotations

import struct

from msgspec import Struct

from pipeline.imaging.decoder import Refusal

_START = b"MM\0+\0\x08\0\0"
_COUNT, _ENTRY, _VALUE = 8, 20, 12
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_LONGER = frozenset({16, 17, 18})  # numbers of eight bytes, and offsets
_LONG = 4
_DIRECTORIES = frozenset({330, 34665, 34853, 40965})  # elsewhere, and not written again
_PARTS = ((273, 279), (324, 325))  # offsets and lengths of strips, of tiles
_MOST_PAGES, _MOST_ENTRIES = 10_000, 500

_PIXEL_TAGS = frozenset(tag for pair in _PARTS for tag in pair)

_Entry = tuple[int, int, int, bytes]
"""Tag, kind, number of values and the values."""


class _Directory(Struct, frozen=True):
    """Directory with four bytes an offset, to stand at a place.

    Attributes:
        entries: their number and each of them.
        values: that have no room in their entries.
        following: place of the next one in the file as it was, 0 without.
    """

    entries: bytes
    values: bytes
    following: int


def with_short_offsets(data: bytes) -> bytes:
    """File with directories of four bytes an offset behind its end; `data` itself when it is no
    BigTIFF of big-endian numbers, or when a directory of it is cut.

    Raises:
        Refusal: `truncated` when its pixels end behind the file, where the directories will be.
    """
    if not data.startswith(_START):
        return data
    following, read = int.from_bytes(data[8:16], "big"), set[int]()
    end = len(data) + len(data) % 2
    head, parts = b"MM\0*" + end.to_bytes(4, "big"), [b"\0" * (end - len(data))]
    while following and following not in read and len(read) < _MOST_PAGES:
        read.add(following)
        directory = _directory(data, following, end)
        if directory is None:
            return data
        following = directory.following if directory.following not in read else 0
        end += len(directory.entries) + 4 + len(directory.values)
        link = (end if following else 0).to_bytes(4, "big")
        parts += [directory.entries, link, directory.values]
    return b"".join((head, data[len(head) :], *parts))


def _directory(data: bytes, at: int, place: int) -> _Directory | None:
    """Directory at `at` as it will stand at `place`; None where it is cut."""
    count = int.from_bytes(data[at : at + _COUNT], "big")
    first, end = at + _COUNT, at + _COUNT + _ENTRY * count
    if count > _MOST_ENTRIES or end + 8 > len(data):
        return None
    entries = [entry for at in range(first, end, _ENTRY) if (entry := _entry(data, at))]
    if _end_of_pixels(entries) > len(data):
        raise Refusal("truncated", "its pixels end behind the file")
    values_at = place + 2 + 12 * len(entries) + 4
    packed, values = [len(entries).to_bytes(2, "big")], b""
    for tag, kind, length, value in entries:
        room = value.ljust(4, b"\0")
        if len(value) > 4:
            room = (values_at + len(values)).to_bytes(4, "big")
            values += value + b"\0" * (len(value) % 2)
        packed.append(struct.pack(">HHI", tag, kind, length) + room)
    return _Directory(b"".join(packed), values, int.from_bytes(data[end : end + 8], "big"))


def _end_of_pixels(entries: list[_Entry]) -> int:
    numbers = {tag: _numbers(kind, value) for tag, kind, _, value in entries if tag in _PIXEL_TAGS}
    return max(
        start + length
        for offsets, lengths in _PARTS
        for start, length in zip(numbers.get(offsets, [0]), numbers.get(lengths, [0]), strict=False)
    )


def _numbers(kind: int, value: bytes) -> list[int]:
    size = _SIZES[kind]
    return [int.from_bytes(value[at : at + size], "big") for at in range(0, len(value), size)]


def _entry(data: bytes, at: int) -> _Entry | None:
    """Tag, kind, number of values and the values; None where they are not known."""
    tag, kind, length = struct.unpack_from(">HHQ", data, at)
    size = 8 if kind in _LONGER else _SIZES.get(kind, 0)
    start = at + _VALUE
    if size * length > 8:
        start = int.from_bytes(data[start : start + 8], "big")
    value = data[start : start + size * length]
    if tag in _DIRECTORIES or not size or len(value) < size * length:
        return None
    if kind in _LONGER:
        kind, value = _LONG, b"".join(value[k + 4 : k + 8] for k in range(0, len(value), 8))
    return tag, kind, length, value
