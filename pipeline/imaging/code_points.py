"""Colour space and transfer by code points (ITU-T H.273), as PNG, HEIC and AVIF may give them.

PNG: chunk cICP. HEIC and AVIF: property "colr" of the kind "nclx" of the primary item (ISO/IEC
23008-12 and 14496-12), where no profile comes with it; where it has none, the coded picture itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pipeline.imaging.codestream_colours import HEADER_BYTES, of_av1, of_hevc, size_of_av1

PQ, HLG = 16, 18
HDR_TRANSFERS = frozenset({PQ, HLG})
_PNG_HEADER_END = 33
_CICP_BYTES = 4
_RGB, _FULL_RANGE = 0, 1
_FULL_BOX = 4  # bytes of version and flags
_AV1C_HEAD = 4
_ILOC_HEAD = 6

_Box = tuple[bytes, int, int]  # kind, start and end of its content


class CodePoints(NamedTuple):
    """Numbers of H.273: what the colours red, green and blue are, and how light is encoded."""

    primaries: int
    transfer: int


def code_points(data: bytes, format: str) -> CodePoints | None:
    """Code points of a file, None when it gives none (or, in PNG, some that RGB cannot have)."""
    if format == "PNG":
        return _of_png(data)
    if format in ("HEIC", "AVIF"):
        return _of_iso(data)
    return None


def _of_png(data: bytes) -> CodePoints | None:
    end = data.find(b"IDAT", _PNG_HEADER_END)
    at = data.find(b"\0\0\0\x04cICP", _PNG_HEADER_END - 8, end if end > 0 else len(data))
    body = data[at + 8 : at + 8 + _CICP_BYTES] if at >= 0 else b""
    if len(body) < _CICP_BYTES or (body[2], body[3]) != (_RGB, _FULL_RANGE):
        return None
    return CodePoints(body[0], body[1])


def says_other_size(avif: bytes) -> bool:
    """Tell whether the primary item of an AVIF is coded in another size than its property "ispe"
    gives, to which the decoder then stretches it."""
    _, mine, _, places = _described(avif)
    sizes = [start for kind, start, end in mine if kind == b"ispe" and end - start >= 12]
    coded = [box for box in mine if box[0] == b"av1C"]
    if not sizes or not coded:
        return False
    size = tuple(int.from_bytes(avif[sizes[0] + at : sizes[0] + at + 4], "big") for at in (4, 8))
    _, start, end = coded[0]
    heads = [avif[start + _AV1C_HEAD : end]]
    heads += [avif[place : place + HEADER_BYTES] for place in places if place]
    return next(filter(None, map(size_of_av1, heads)), size) != size


def _described(data: bytes) -> tuple[list[_Box], list[_Box], list[int], list[int]]:
    """Properties of all items and of the primary one, places of all items and of that one; empty
    where the file describes none."""
    meta = _inside(data, 0, len(data), b"meta", _FULL_BOX)
    properties = _inside(data, *meta, b"iprp") if meta else None
    if meta is None or properties is None:
        return [], [], [], []
    primary = _primary_item(data, *meta)
    container = _inside(data, *properties, b"ipco")
    boxes = list(_boxes(data, *container)) if container else []
    indices = _properties_of(data, *properties, primary)
    mine = [boxes[index - 1] for index in indices if 0 < index <= len(boxes)]
    places = _items(data, *meta)
    return boxes, mine, list(places.values()), [places.get(primary, 0)]


def _of_iso(data: bytes) -> CodePoints | None:
    boxes, mine, every, own = _described(data)
    points = _first_nclx(data, mine) or _coded(data, mine, own)
    if points is not None:
        return points
    # of the tiles of a picture that has none itself
    others = _first_nclx(data, boxes) or _coded(data, boxes, every)
    return others if others and others.transfer in HDR_TRANSFERS else None


def _coded(data: bytes, boxes: list[_Box], places: list[int]) -> CodePoints | None:
    """Code points inside coded pictures, by their configurations, else by the pictures at these
    places of the file."""
    for kind, start, end in boxes:
        if kind == b"hvcC" and (numbers := of_hevc(data[start:end])):
            return CodePoints(*numbers)
        if kind == b"av1C":
            heads = [data[start + _AV1C_HEAD : end]]
            heads += [data[place : place + HEADER_BYTES] for place in places if place]
            if numbers := next(filter(None, map(of_av1, heads)), None):
                return CodePoints(*numbers)
    return None


def _first_nclx(data: bytes, boxes: list[_Box]) -> CodePoints | None:
    for kind, start, end in boxes:
        if kind == b"colr" and data[start : start + 4] == b"nclx" and end - start >= 8:
            numbers = (int.from_bytes(data[start + at : start + at + 2], "big") for at in (4, 6))
            return CodePoints(*numbers)
    return None


def _boxes(data: bytes, start: int, end: int) -> Iterator[_Box]:
    """Kind, start and end of the content of each box between two positions."""
    while start + 8 <= end:
        length, head = int.from_bytes(data[start : start + 4], "big"), 8
        if length == 1:
            length, head = int.from_bytes(data[start + 8 : start + 16], "big"), 16
        stop = start + length if length else end
        if stop < start + head or stop > end:
            return
        yield data[start + 4 : start + 8], start + head, stop
        start = stop


def _inside(
    data: bytes, start: int, end: int, kind: bytes, skipped: int = 0
) -> tuple[int, int] | None:
    """Content of the first box of a kind, without its first `skipped` bytes."""
    for name, begin, stop in _boxes(data, start, end):
        if name == kind:
            return begin + skipped, stop
    return None


def _primary_item(data: bytes, start: int, end: int) -> int:
    place = _inside(data, start, end, b"pitm")
    if place is None:
        return 0
    begin, stop = place
    size = 2 if data[begin] == 0 else 4
    return int.from_bytes(data[begin + _FULL_BOX : min(begin + _FULL_BOX + size, stop)], "big")


def _items(data: bytes, start: int, end: int) -> dict[int, int]:
    """Offsets of the coded pictures of items, by the items' numbers; none of those that lie
    elsewhere than in the file itself."""
    place = _inside(data, start, end, b"iloc")
    if place is None or place[1] - place[0] < _ILOC_HEAD:
        return {}
    at, stop = place
    version, sizes, bases = data[at], data[at + 4], data[at + 5]
    wide_ids = 2 * (version == 2) + 2

    def number(size: int) -> int:
        nonlocal at
        at += size
        return int.from_bytes(data[at - size : at], "big")

    at += 6
    items: dict[int, int] = {}
    for _ in range(number(wide_ids)):
        if at >= stop:
            break
        item, method = number(wide_ids), number(2) & 15 if version else 0
        number(2)
        base, extents = number(bases >> 4), number(2)
        for extent in range(extents if at < stop else 0):
            number(bases & 15 if version else 0)
            offset = base + number(sizes >> 4)
            number(sizes & 15)
            if not extent and not method:
                items[item] = offset
    return items


def _properties_of(data: bytes, start: int, end: int, item: int) -> list[int]:
    """Numbers, from 1 on, of the properties that belong to an item."""
    place = _inside(data, start, end, b"ipma")
    if place is None:
        return []
    at, stop = place
    id_bytes = 2 if data[at] < 1 else 4
    wide = data[at + 3] & 1  # numbers of 15 bits instead of 7
    entries = int.from_bytes(data[at + 4 : at + 8], "big")
    at += 8
    for _ in range(entries):
        if at + id_bytes >= stop:
            break
        number, count = int.from_bytes(data[at : at + id_bytes], "big"), data[at + id_bytes]
        at += id_bytes + 1
        size = 1 + wide
        if number == item:
            mask = 0x7FFF if wide else 0x7F
            parts = (data[at + k * size : at + (k + 1) * size] for k in range(count))
            return [int.from_bytes(part, "big") & mask for part in parts]
        at += count * size
    return []
