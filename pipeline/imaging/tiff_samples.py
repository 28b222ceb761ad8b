"""Samples of a TIFF page whose layout Pillow does not know (TIFF 6.0, Technical Note 3).

Planes one after the other, more or other bands than colours, 9 to 64 bits, floats.

libtiff still unpacks each strip or tile: it is given to it as a small file of plain bytes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from msgspec import Struct

from pipeline.imaging.decoder import Refusal
from pipeline.imaging.plugins import open_image
from pipeline.imaging.sample_range import Samples
from pipeline.imaging.tiff_errors import heard_out
from pipeline.imaging.tiff_pages import TiffPage

_NONE = 1
_ZLIB = frozenset({8, 32946})
_PLAIN_BYTES = frozenset({5, 32773, 34925, 50000})  # LZW, PackBits, LZMA, Zstandard
_DIFFERENCES, _FLOAT_DIFFERENCES = 2, 3
_KINDS = {1: "u", 2: "i", 3: "f", 4: "u"}  # sample formats; 4 is undefined
_WHOLE_BYTES = frozenset({8, 16, 32, 64})
_MOST_BANDS = 1024


class Layout(Struct, frozen=True):
    """Arrangement of the samples of a page.

    Attributes:
        width, height, bands: of the picture.
        bits: of a sample, the same for all bands.
        kind: "u", "i" or "f".
        planar: each band is stored by itself.
        part: width and height of a tile, or of a strip.
        compression, predictor: as the tags number them.
        order: of bytes, "<" or ">".
    """

    width: int
    height: int
    bands: int
    bits: int
    kind: str
    planar: bool
    part: tuple[int, int]
    compression: int
    predictor: int
    order: str

    @property
    def bands_of_part(self) -> int:
        """Bands that lie side by side."""
        return 1 if self.planar else self.bands

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Of the samples as stored, when they are whole bytes."""
        return np.dtype(f"{self.order}{self.kind}{self.bits // 8}")


def layout_of(page: TiffPage) -> Layout:
    """Layout by the tags of a page.

    Raises:
        Refusal: it cannot be read here, or makes no sense.
    """
    width, height = page.number(256, 0), page.number(257, 0)
    bands = page.number(277, 1)
    bits, formats = set(page.numbers(258, (1,))), set(page.numbers(339, (1,)))
    tile = page.number(322, 0), page.number(323, 0)
    part = tile if all(tile) else (width, min(page.number(278, height) or height, height))
    if not (width and height and 0 < bands <= _MOST_BANDS and all(part)):
        raise Refusal("damaged", "its header gives no size")
    if len(bits) != 1 or len(formats) != 1 or formats - _KINDS.keys():
        raise Refusal("unsupported_format", "a TIFF whose bands have samples of different kinds")
    compression = page.number(259, _NONE)
    kind, depth = _KINDS[formats.pop()], bits.pop()
    if compression not in _ZLIB | _PLAIN_BYTES | {_NONE} or not _is_readable(depth, kind):
        words = f"a TIFF of {bands} bands of {depth} bits in the compression {compression}"
        raise Refusal("unsupported_format", words)
    planar = page.number(284, 1) == 2 and bands > 1
    predictor = page.number(317, 1) if compression != _NONE else 1
    return Layout(
        width, height, bands, depth, kind, planar, part, compression, predictor, page.order
    )


def _is_readable(bits: int, kind: str) -> bool:
    return (bits in _WHOLE_BYTES and (kind != "f" or bits > 8)) or (kind == "u" and 8 < bits < 16)


def read_samples(data: bytes, page: TiffPage, bands: int) -> Samples:
    """First `bands` bands of a page: height x width x bands, in this machine's order of bytes.

    Raises:
        Refusal: it is cut or damaged, or its layout cannot be read.
    """
    layout = layout_of(page)
    bands = min(bands, layout.bands)
    kind = (
        np.dtype(np.uint16) if layout.bits not in _WHOLE_BYTES else layout.dtype.newbyteorder("=")
    )
    samples = np.zeros((layout.height, layout.width, bands), kind)
    across, down = layout.part
    columns, rows = -(-layout.width // across), -(-layout.height // down)
    parts = list(_parts(page))
    planes = layout.bands if layout.planar else 1
    if len(parts) < planes * columns * rows:
        raise Refusal("damaged", "it names fewer strips or tiles than its size asks for")
    tiled = bool(page.number(322, 0))
    for number, (at, length) in enumerate(parts[: planes * columns * rows]):
        plane, place = divmod(number, columns * rows)
        if plane >= bands:
            break
        top, left = place // columns * down, place % columns * across
        height = down if tiled else min(down, layout.height - top)
        part = _part(data[at : at + length], layout, height)
        part = part[: layout.height - top, : layout.width - left]
        into = samples[top : top + down, left : left + across]
        if layout.planar:
            into[..., plane] = part[..., 0]
        else:
            into[...] = part[..., :bands]
    return samples


def _parts(page: TiffPage) -> Iterator[tuple[int, int]]:
    """Place of each strip or tile, and its length in bytes."""
    offsets, lengths = (324, 325) if 324 in page.directory else (273, 279)
    yield from zip(page.numbers(offsets), page.numbers(lengths), strict=False)


def _part(packed: bytes, layout: Layout, height: int) -> Samples:
    """Samples of one strip or tile: height x width x bands that lie side by side."""
    width, bands = layout.part[0], layout.bands_of_part
    row = -(-width * bands * layout.bits // 8)
    plain = _unpacked(packed, layout.compression, row, height)
    if len(plain) < row * height:
        raise Refusal("truncated", "a strip or tile of it is too short")
    if layout.bits not in _WHOLE_BYTES:
        return _of_odd_bits(plain[: row * height], layout.bits, height, width * bands).reshape(
            height, width, bands
        )
    if layout.predictor == _FLOAT_DIFFERENCES:
        return _of_float_differences(plain[: row * height], layout, height, width)
    samples = np.frombuffer(plain, layout.dtype, height * width * bands)
    samples = samples.reshape(height, width, bands)
    samples = samples.astype(samples.dtype.newbyteorder("="), copy=False)
    if layout.predictor == _DIFFERENCES:
        steps = samples.view(f"u{layout.bits // 8}")
        return np.asarray(np.cumsum(steps, axis=1, dtype=steps.dtype).view(samples.dtype))
    return samples


def _unpacked(packed: bytes, compression: int, row: int, height: int) -> bytes:
    if compression == _NONE:
        return packed
    if compression in _ZLIB:
        try:
            return zlib.decompressobj().decompress(packed, row * height)
        except zlib.error as error:
            raise Refusal("damaged", str(error)) from None
    small = small_file(packed, compression, row, height)
    image = open_image(small, "TIFF")
    with heard_out(image, small):
        image.load()
    return image.tobytes()


def small_file(packed: bytes, compression: int, width: int, height: int) -> bytes:
    """TIFF of one strip of bytes in the compression."""
    tags = (
        (256, width), (257, height), (258, 8), (259, compression), (262, 1), (273, 8), (277, 1),
        (278, height), (279, len(packed)),
    )  # fmt: skip
    padded = packed + b"\0" * (len(packed) % 2)
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    head = b"II*\0" + struct.pack("<I", 8 + len(padded))
    return head + padded + struct.pack("<H", len(tags)) + directory + bytes(4)


def _of_odd_bits(plain: bytes, bits: int, height: int, samples: int) -> Samples:
    """Samples of 9 to 15 bits, packed without gaps but at the end of a row."""
    rows = np.frombuffer(plain, np.uint8).reshape(height, -1)
    ones = np.unpackbits(rows, axis=1)[:, : samples * bits].reshape(height, samples, bits)
    weights = (1 << np.arange(bits - 1, -1, -1)).astype(np.uint16)
    return np.asarray((ones * weights).sum(axis=2, dtype=np.uint16))


def _of_float_differences(plain: bytes, layout: Layout, height: int, width: int) -> Samples:
    """Floats whose bytes were sorted by significance and differenced along each row."""
    bands, size = layout.bands_of_part, layout.bits // 8
    rows = np.frombuffer(plain, np.uint8).reshape(height, -1, bands)
    summed = np.cumsum(rows, axis=1, dtype=np.uint8).reshape(height, size, width * bands)
    in_order = np.ascontiguousarray(summed.swapaxes(1, 2))
    samples = in_order.view(f">f{size}").reshape(height, width, bands)
    return samples.astype(samples.dtype.newbyteorder("="))
