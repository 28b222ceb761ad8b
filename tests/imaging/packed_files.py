"""Files of formats that Pillow reads and does not write, plain and packed by run lengths."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

import numpy as np
from PIL import Image

_SGI_HEADER = 512


def psd(
    image: Image.Image,
    *,
    packed: bool = False,
    transparent: bool = False,
    further: Sequence[Image.Image] = (),
    depth: int = 8,
) -> bytes:
    """Photoshop's composite of an image in mode 1, L, RGB or CMYK, without layers, with further
    channels, of which the first may be said to be its transparency."""
    mode = {"1": 0, "L": 1, "RGB": 3, "CMYK": 4}[image.mode]
    bands = [*image.split(), *further]
    planes = [
        _plane(255 - np.asarray(band) if mode == 4 else np.asarray(band), depth) for band in bands
    ]
    head = struct.pack(">H6xHIIHH8x", 1, len(bands), image.height, image.width, depth, mode)
    head = b"8BPS" + head + (struct.pack(">IIh2x", 8, 4, -1) if transparent else bytes(4))
    if not packed:
        return head + b"\0\0" + b"".join(row for plane in planes for row in plane)
    rows = [_packed(row, _packbits_run, _packbits_one) for plane in planes for row in plane]
    lengths = b"".join(struct.pack(">H", len(row)) for row in rows)
    return head + b"\0\1" + lengths + b"".join(rows)


def _plane(band: np.ndarray, depth: int) -> list[bytes]:
    if depth == 16:
        return [(row.astype(">u2") * 257).tobytes() for row in band]
    return [np.packbits(row == 0).tobytes() if depth == 1 else row.tobytes() for row in band]


def sgi(image: Image.Image, *, ended: bool = True, size: int = 1) -> bytes:
    """Packed SGI of an RGB image of `size` bytes a sample, with its tables of rows; a 0 behind the
    codes of each where they are ended."""
    bands = np.moveaxis(np.asarray(image)[::-1], 2, 0)
    end = bytes(ended)
    rows = [_packed(row.tobytes(), _sgi_run, _sgi_one) + end for band in bands for row in band]
    if size == 2:
        rows = [_of_two_bytes(row) for row in rows]
    lengths = np.array([len(row) for row in rows], ">u4")
    starts = (_SGI_HEADER + 8 * len(rows) + np.cumsum(lengths) - lengths).astype(">u4")
    head = struct.pack(">HBBHHHHII", 474, 1, size, 3, image.width, image.height, 3, 0, 255)
    tables = starts.tobytes() + lengths.tobytes()
    return head.ljust(_SGI_HEADER, b"\0") + tables + b"".join(rows)


def _of_two_bytes(row: bytes) -> bytes:
    """Codes as wide as the samples: the lower byte of a count counts, of a sample the upper one."""
    parts, at = [], 0
    while at < len(row):
        parts += [b"\0" + row[at : at + 1], row[at + 1 : at + 2] + b"\0" * (at + 1 < len(row))]
        at += 2
    return b"".join(parts)


def sun(image: Image.Image, *, packed: bool = False, bits: int = 24, kind: int = 1) -> bytes:
    """Sun raster of an RGB image, of the kind 1 or, with red first, 3."""
    pixels = np.asarray(image)[..., :: 1 if kind == 3 else -1]
    if bits == 32:
        pixels = np.concatenate((np.full_like(pixels[..., :1], 77), pixels), axis=2)
    rows = pixels.reshape(image.height, -1)
    plain = np.pad(rows, ((0, 0), (0, rows.shape[1] % 2))).tobytes()
    if packed:
        plain, kind = _packed(plain, _sun_run, _sun_one), 2
    head = (0x59A66A95, image.width, image.height, bits, len(plain), kind, 0, 0)
    return struct.pack(">8I", *head) + plain


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
