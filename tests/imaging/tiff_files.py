"""TIFF files in layouts that Pillow cannot write."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Page:
    """One page: its samples (height x width x bands) and how they are stored.

    Attributes:
        photometric: 0 and 1 grey, 2 colours, 5 inks.
        planar: each band by itself.
        packed: 1 plain, 8 deflate.
        predictor: 2 differences, 3 those of floats.
        tile: side of a square tile in pixels, 0 for three strips.
        bits: of a sample when it is no whole number of bytes.
        tags: further ones, (number, kind, values).
    """

    samples: Array
    photometric: int = 2
    planar: bool = False
    packed: int = 1
    predictor: int = 1
    tile: int = 0
    bits: int = 0
    tags: Sequence[tuple[int, int, Sequence[int]]] = field(default=())


def tiff_file(*pages: Page, order: str = "<") -> bytes:
    """File of these pages."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    data, link = bytearray(mark + bytes(4)), 4
    for page in pages:
        parts = list(_parts(page, order))
        places = []
        for part in parts:
            places.append(len(data))
            data += part
        data += bytes(len(data) % 2)
        struct.pack_into(f"{order}I", data, link, len(data))
        tags = _tags(page, places, [len(part) for part in parts])
        link = len(data) + 2 + 12 * len(tags)
        data += _directory(tags, len(data), order)
    return bytes(data)


def _parts(page: Page, order: str) -> Iterator[bytes]:
    samples = page.samples
    bands = [samples[..., band : band + 1] for band in range(samples.shape[2])]
    for plane in bands if page.planar else [samples]:
        down = page.tile or -(-samples.shape[0] // 3)
        across = page.tile or samples.shape[1]
        for top in range(0, samples.shape[0], down):
            for left in range(0, samples.shape[1], across):
                part = plane[top : top + down, left : left + across]
                if page.tile:
                    missing = [(0, down - part.shape[0]), (0, across - part.shape[1]), (0, 0)]
                    part = np.pad(part, missing)
                yield _packed(part, page, order)


def _packed(part: Array, page: Page, order: str) -> bytes:
    if page.bits:
        rows = part.reshape(part.shape[0], -1, 1) >> np.arange(page.bits - 1, -1, -1) & 1
        plain = np.packbits(rows.reshape(part.shape[0], -1).astype(np.uint8), axis=1).tobytes()
    elif page.predictor == 3:
        size, bands = part.dtype.itemsize, part.shape[2]
        big = part.astype(part.dtype.newbyteorder(">")).view(np.uint8)
        planes = big.reshape(part.shape[0], -1, size).swapaxes(1, 2).reshape(part.shape[0], -1)
        differences = planes.copy()
        differences[:, bands:] -= planes[:, :-bands]
        plain = differences.tobytes()
    else:
        if page.predictor == 2:
            part = np.diff(part, axis=1, prepend=part[:, :1] * 0)
        plain = part.astype(part.dtype.newbyteorder(order)).tobytes()
    return zlib.compress(plain) if page.packed == 8 else plain


def _tags(page: Page, places: list[int], lengths: list[int]) -> list[tuple[int, int, list[int]]]:
    height, width, bands = page.samples.shape
    kind = {"u": 1, "i": 2, "f": 3}[page.samples.dtype.kind]
    bits = page.bits or page.samples.dtype.itemsize * 8
    tags: list[tuple[int, int, list[int]]] = [
        (256, 4, [width]), (257, 4, [height]), (258, 3, [bits] * bands), (259, 3, [page.packed]),
        (262, 3, [page.photometric]), (277, 3, [bands]), (284, 3, [1 + page.planar]),
        (317, 3, [page.predictor]), (339, 3, [kind] * bands),
    ]  # fmt: skip
    if page.tile:
        tags += [(322, 4, [page.tile]), (323, 4, [page.tile]), (324, 4, places), (325, 4, lengths)]
    else:
        tags += [(273, 4, places), (278, 4, [-(-height // 3)]), (279, 4, lengths)]
    return sorted([*tags, *((tag, kind, list(values)) for tag, kind, values in page.tags)])


def _directory(tags: list[tuple[int, int, list[int]]], at: int, order: str) -> bytes:
    entries, extra, extra_at = b"", b"", at + 2 + 12 * len(tags) + 4
    for tag, kind, values in tags:
        packed = struct.pack(f"{order}{len(values)}{'HI'[kind == 4]}", *values)
        entries += struct.pack(f"{order}HHI", tag, kind, len(values))
        if len(packed) > 4:
            entries += struct.pack(f"{order}I", extra_at + len(extra))
            extra += packed
        else:
            entries += packed.ljust(4, b"\0")
    return struct.pack(f"{order}H", len(tags)) + entries + bytes(4) + extra
