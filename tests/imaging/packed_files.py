"""Files of formats that Pillow reads and does not write, plain and packed by run lengths."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from itertools import groupby

import numpy as np
from PIL import Image

_SGI_HEADER = 512


def psd(image: Image.Image, *, packed: bool = False) -> bytes:
    """Photoshop's composite of an RGB image, without layers."""
    bands = np.moveaxis(np.asarray(image), 2, 0)
    head = b"8BPS" + struct.pack(">H6xHIIHH12x", 1, 3, image.height, image.width, 8, 3)
    if not packed:
        return head + b"\0\0" + bands.tobytes()
    rows = [_packed(row.tobytes(), _packbits_run, _packbits_one) for band in bands for row in band]
    lengths = b"".join(struct.pack(">H", len(row)) for row in rows)
    return head + b"\0\1" + lengths + b"".join(rows)


def sgi(image: Image.Image) -> bytes:
    """Packed SGI of an RGB image, with its tables of rows."""
    bands = np.moveaxis(np.asarray(image)[::-1], 2, 0)
    rows = [_packed(row.tobytes(), _sgi_run, _sgi_one) + b"\0" for band in bands for row in band]
    lengths = np.array([len(row) for row in rows], ">u4")
    starts = (_SGI_HEADER + 8 * len(rows) + np.cumsum(lengths) - lengths).astype(">u4")
    head = struct.pack(">HBBHHHHII", 474, 1, 1, 3, image.width, image.height, 3, 0, 255)
    tables = starts.tobytes() + lengths.tobytes()
    return head.ljust(_SGI_HEADER, b"\0") + tables + b"".join(rows)


def sun(image: Image.Image, *, packed: bool = False) -> bytes:
    """Sun raster of an RGB image of an even number of bytes a row."""
    pixels = np.asarray(image)[..., ::-1].tobytes()
    if packed:
        pixels = _packed(pixels, _sun_run, _sun_one)
    kind = 2 if packed else 1
    head = (0x59A66A95, image.width, image.height, 24, len(pixels), kind, 0, 0)
    return struct.pack(">8I", *head) + pixels


def _packed(plain: bytes, run: Callable[[int, int], bytes], one: Callable[[int], bytes]) -> bytes:
    return b"".join(
        one(value) if count == 1 else run(count, value) for count, value in _runs(plain)
    )


def _runs(plain: bytes) -> Iterator[tuple[int, int]]:
    for value, same in groupby(plain):
        count = len(list(same))
        for start in range(0, count, 127):
            yield min(127, count - start), value


def _packbits_run(count: int, value: int) -> bytes:
    return bytes((257 - count, value))


def _packbits_one(value: int) -> bytes:
    return bytes((0, value))


def _sgi_run(count: int, value: int) -> bytes:
    return bytes((count, value))


def _sgi_one(value: int) -> bytes:
    return bytes((0x81, value))


def _sun_run(count: int, value: int) -> bytes:
    return bytes((0x80, count - 1, value))


def _sun_one(value: int) -> bytes:
    return b"\x80\0" if value == 0x80 else bytes((value,))
