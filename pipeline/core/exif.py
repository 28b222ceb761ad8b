"""EXIF of a picture: the few facts that a prompt may name, from the bytes of a TIFF structure.

Bytes are a stranger's: every offset, count and type is checked, and what does not fit is missing.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping

Read = Callable[[int, int], bytes]
"""Function from an offset and a length to so many bytes at most."""

Value = bytes | tuple[float, ...]
"""A tag's text or bytes, or its numbers."""

XMP_TAG, IPTC_TAG = 700, 33723
_EXIF_IFD, _GPS_IFD = 34665, 34853
_MOST_TAGS, _MOST_BYTES = 512, 1 << 16
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 10: 8}  # by the type's number
_LETTERS = {3: "H", 4: "I", 5: "I", 9: "i", 10: "i"}
_TEXTS = {"exif.description": 270, "exif.artist": 315, "exif.copyright": 33432, "exif.lens": 42036}

NAMES = ("exif.date", "exif.camera", *_TEXTS, "exif.gps")
"""What a prompt may name. The place is sent only where `exif.gps` is named."""


def tiff_tags(read: Read) -> dict[int, Value]:
    """Tags of the first directory and of those for EXIF and GPS (as -1 minus the tag), {} for what
    is no TIFF structure."""
    head = read(0, 8)
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(head[:4])
    if order is None or len(head) < 8:
        return {}
    tags = _directory(read, order, struct.unpack(f"{order}I", head[4:])[0])
    for pointer, sign in ((_EXIF_IFD, 1), (_GPS_IFD, -1)):
        place = tags.get(pointer)
        if isinstance(place, tuple) and place:
            inner = _directory(read, order, int(place[0]))
            tags |= {tag if sign > 0 else -1 - tag: value for tag, value in inner.items()}
    return tags


def exif_values(tags: Mapping[int, Value]) -> dict[str, str]:
    """Texts of the names that have one."""
    values = {name: _text(tags.get(tag)) for name, tag in _TEXTS.items()}
    values["exif.date"] = _date(_text(tags.get(36867)) or _text(tags.get(306)))
    make, model = _text(tags.get(271)), _text(tags.get(272))
    known = model.lower().startswith(make.lower())
    values["exif.camera"] = model if known else f"{make} {model}".strip()
    values["exif.gps"] = _position(tags)
    return {name: value for name, value in values.items() if value}


def _directory(read: Read, order: str, offset: int) -> dict[int, Value]:
    count_bytes = read(offset, 2)
    if len(count_bytes) < 2:
        return {}
    count = min(struct.unpack(f"{order}H", count_bytes)[0], _MOST_TAGS)
    table = read(offset + 2, 12 * count)
    tags: dict[int, Value] = {}
    for at in range(0, len(table) - 11, 12):
        tag, kind, number = struct.unpack(f"{order}HHI", table[at : at + 8])
        size = _SIZES.get(kind, 0) * number
        if not 0 < size <= _MOST_BYTES:
            continue
        data = table[at + 8 : at + 12]
        if size > 4:
            data = read(struct.unpack(f"{order}I", data)[0], size)
        if len(data) >= size:
            tags.setdefault(tag, _value(order, kind, data[:size]))
    return tags


def _value(order: str, kind: int, data: bytes) -> Value:
    letter = _LETTERS.get(kind)
    if letter is None:
        return data
    numbers = struct.unpack(f"{order}{len(data) // struct.calcsize(letter)}{letter}", data)
    if kind not in (5, 10):
        return tuple(map(float, numbers)) if kind != 4 else numbers
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return tuple(above / below if below else 0.0 for above, below in pairs)


def _text(value: Value | None) -> str:
    if not isinstance(value, bytes):
        return ""
    data = value.partition(b"\0")[0]
    try:
        return data.decode().strip()
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace").strip()


def _date(text: str) -> str:
    """EXIF's "2026:11:27 08:15:00" as "2026-11-27 08:15:00"; "" for one that was never set."""
    day, _, time = text.partition(" ")
    if len(day) != 10 or not day.replace(":", "").isdigit() or day.startswith("0000"):
        return ""
    return f"{day.replace(':', '-')} {time}".strip()


def _position(tags: Mapping[int, Value]) -> str:
    """Degrees north and east, "" without both."""
    degrees = [_degrees(tags, place) for place in (1, 3)]
    if None in degrees:
        return ""
    north, east = (one or 0.0 for one in degrees)
    return f"{north:.5f}, {east:.5f}" if abs(north) <= 90 and abs(east) <= 180 else ""


def _degrees(tags: Mapping[int, Value], reference: int) -> float | None:
    sign, parts = _text(tags.get(-1 - reference)), tags.get(-2 - reference)
    if not isinstance(parts, tuple) or len(parts) != 3 or sign not in ("N", "S", "E", "W"):
        return None
    value = parts[0] + parts[1] / 60 + parts[2] / 3600
    return -value if sign in "SW" else value
