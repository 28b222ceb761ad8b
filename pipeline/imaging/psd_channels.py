"""Photoshop's composite (PSD) as Pillow shall see it (Adobe Photoshop File Formats Specification).

Pillow looks for the packed rows in the wrong place when a file has more channels than it shows,
takes any fourth one for transparency, where it may be a selection that was saved, and knows no
samples of sixteen bits. Those are given to it as a TIFF: the pixels are stored just so.
"""

from __future__ import annotations

import struct

from pipeline.imaging.decoder import Refusal
from pipeline.imaging.stored_end import PSD_PACKED, psd_pixels

_HEADER, _CHANNELS, _DEPTH, _MODE = 26, 12, 22, 24
_GREY, _INDEXED, _RGB, _DUOTONE = 1, 2, 3, 8
_PALETTE_BYTES = 768
_COLOURS = {
    0: 1,
    _GREY: 1,
    _INDEXED: 1,
    _RGB: 3,
    4: 4,
    7: 1,
    _DUOTONE: 1,
    9: 3,
}  # channels of each mode
_MODES = {0: "bitmaps", 4: "CMYK", 7: "several channels", 9: "Lab"}
_PLAIN = b"\0\0"
_ICC = 1039
_TIFF_PLAIN, _TIFF_PACKED = 1, 32773


def with_shown_channels(data: bytes) -> bytes:
    """File with the channels of its colours and its transparency alone, without layers; a TIFF of
    them for samples of sixteen bits; `data` itself where its pixels are cut or packed otherwise.

    Raises:
        Refusal: `unsupported_format` for colours of a depth that is not read here, `truncated` when
            those of sixteen bits are cut, `damaged` without a palette that it needs.
    """
    at, channels, height, width, depth = psd_pixels(data)
    mode = _big(data, _MODE, 2)
    colours = _COLOURS.get(mode, 0)
    way = data[at : at + 2]
    if depth not in (1, 8) and not (depth == 16 and mode in (_GREY, _RGB)):
        raise Refusal(
            "unsupported_format", f"a PSD of {_MODES.get(mode, 'colours')} in {depth} bits"
        )
    if mode == _INDEXED and _big(data, _HEADER, 4) != _PALETTE_BYTES:
        raise Refusal("damaged", "its palette is missing")
    if not colours or channels < colours or way not in (_PLAIN, PSD_PACKED):
        return data
    transparent = _is_transparent(data) and channels > colours and mode in (_GREY, _RGB, _DUOTONE)
    shown = [*range(colours), *([colours] if transparent else [])]
    if transparent and colours == 1 and depth == 8:
        shown, mode = [0, 0, 0, 1], _RGB
    if depth == 8 and shown == list(range(channels)):
        return data
    planes = _planes(data, at, channels, height, -(-width * depth // 8))
    if planes is None:
        if depth == 16:
            raise Refusal("truncated", "its pixels end before the last channel does")
        return data
    chosen = [planes[number] for number in shown]
    if depth == 16:
        return _as_tiff(data, chosen, (width, height), transparent)
    head = data[:_CHANNELS] + len(shown).to_bytes(2, "big") + data[_CHANNELS + 2 : _MODE]
    sections = data[_HEADER : _layers_at(data)] + bytes(4)
    pixels = [table for table, _ in chosen] + [rows for _, rows in chosen]
    return b"".join((head, mode.to_bytes(2, "big"), sections, way, *pixels))


def _planes(
    data: bytes, at: int, channels: int, height: int, row: int
) -> list[tuple[bytes, bytes]] | None:
    """Lengths of the rows and the rows of each channel; None where they are cut."""
    packed = data[at : at + 2] == PSD_PACKED
    at += 2
    if not packed:
        size = height * row
        planes = [
            (b"", data[start : start + size])
            for start in range(at, at + channels * size, size or 1)
        ]
        return planes if len(data) >= at + channels * size else None
    table, planes = data[at : at + 2 * channels * height], []
    if len(table) < 2 * channels * height:
        return None
    at += len(table)
    for start in range(0, len(table), 2 * height):
        lengths = table[start : start + 2 * height]
        size = sum(struct.unpack(f">{len(lengths) // 2}H", lengths))
        planes.append((lengths, data[at : at + size]))
        at += size
    return planes if at <= len(data) else None


def _as_tiff(
    data: bytes, planes: list[tuple[bytes, bytes]], size: tuple[int, int], transparent: bool
) -> bytes:
    """TIFF of one strip a channel."""
    rows = [part for _, part in planes]
    count, packed, profile = len(rows), bool(planes[0][0]), _profile(data)
    offsets = [8 + sum(map(len, rows[:number])) for number in range(count)]
    colours = count - transparent
    tags: list[tuple[int, int, bytes]] = [
        *((tag, 4, struct.pack(">I", side)) for tag, side in ((256, size[0]), (257, size[1]))),
        (258, 3, struct.pack(">H", 16) * count),
        (259, 3, struct.pack(">H", _TIFF_PACKED if packed else _TIFF_PLAIN)),
        (262, 3, struct.pack(">H", 2 if colours == 3 else 1)),
        (273, 4, struct.pack(f">{count}I", *offsets)),
        (277, 3, struct.pack(">H", count)),
        (278, 4, struct.pack(">I", size[1])),
        (279, 4, struct.pack(f">{count}I", *map(len, rows))),
        (284, 3, struct.pack(">H", 2 if count > 1 else 1)),
        *([(338, 3, struct.pack(">H", 2))] if transparent else []),
        *([(34675, 7, profile)] if profile else []),
    ]
    return b"".join(_tiff(rows, tags))


def _tiff(rows: list[bytes], tags: list[tuple[int, int, bytes]]) -> list[bytes]:
    sizes = {3: 2, 4: 4, 7: 1}
    place = 8 + sum(map(len, rows))
    entries, values = [], b""
    for tag, kind, value in tags:
        room = value.ljust(4, b"\0")
        if len(value) > 4:
            room = struct.pack(">I", place + 6 + 12 * len(tags) + len(values))
            values += value + b"\0" * (len(value) % 2)
        entries.append(struct.pack(">HHI", tag, kind, len(value) // sizes[kind]) + room)
    head = b"MM\0*" + struct.pack(">I", place)
    return [head, *rows, struct.pack(">H", len(tags)), *entries, bytes(4), values]


def _profile(data: bytes) -> bytes:
    """Colour profile among the resources, b"" without one."""
    at = _HEADER + 4 + _big(data, _HEADER, 4)
    end, at = at + 4 + _big(data, at, 4), at + 4
    while at + 12 <= min(end, len(data)):
        kind, name = _big(data, at + 4, 2), data[at + 6]
        at += 7 + name + (name + 1) % 2
        length = _big(data, at, 4)
        if kind == _ICC:
            return data[at + 4 : at + 4 + length]
        at += 4 + length + length % 2
    return b""


def _layers_at(data: bytes) -> int:
    """Place of the section of layers, behind the palette and the resources."""
    at = _HEADER
    for _ in range(2):
        at += 4 + _big(data, at, 4)
    return at


def _is_transparent(data: bytes) -> bool:
    """Tell whether the first further channel is the transparency of the composite: the number of
    layers is negative then."""
    at = _layers_at(data)
    return _big(data, at, 4) > 6 and bool(_big(data, at + 8, 2) & 0x8000)


def _big(data: bytes, at: int, length: int) -> int:
    return int.from_bytes(data[at : at + length], "big")
