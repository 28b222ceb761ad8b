"""JPEG XL in, through libjxl (pillow_jxl), when that is installed.

The plugin decodes as soon as it is opened, so the header is read here before: ISO/IEC 18181-1,
annexes C and D; the boxes around it ISO/IEC 18181-2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.core.recipe import Recipe
from pipeline.imaging.decoder import DecodedImage, Refusal
from pipeline.imaging.memory import memory_needed
from pipeline.imaging.raster import RasterDecoder

_BARE = b"\xff\x0a"
_HEADER_BYTES = 64  # more than size, orientation and animation ever take
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_SIZE_BITS = (9, 13, 18, 30)
_TRANSPOSED = 5  # from this orientation on, width and height change places


@dataclass(frozen=True, slots=True)
class JxlHeader:
    """Facts at the start of a codestream.

    Attributes:
        width, height: pixels as libjxl gives them, turned already.
        animated: it has frames.
    """

    width: int
    height: int
    animated: bool


class JxlDecoder:
    """One JPEG XL file; attributes as `Decoder` says, the size that of the upright picture."""

    format = "JPEG XL"
    orientation = 1  # libjxl turns; EXIF beside the codestream does not count (18181-2)

    def __init__(self, data: bytes, recipe: Recipe) -> None:
        self._data = data
        self._recipe = recipe
        self._header = read_jxl_header(data)
        self.width, self.height = self._header.width, self._header.height

    def render(self, width: int, height: int) -> DecodedImage:
        """Picture as sRGB in `width` x `height` pixels; of an animation its last frame, which
        is the one that the plugin gives.

        Raises:
            Refusal: it cannot be decoded. No part of a damaged file can be.
        """
        if words := memory_needed(self.format, self.width * self.height):
            raise Refusal("out_of_memory", words)  # libjxl's caller would end this process
        data = _without_jpeg(self._data)
        self._raster = RasterDecoder(data, self.format, self._recipe)
        picture = self._raster.render(width, height)
        flags = ("last_frame",) if self._header.animated else ()
        return DecodedImage(picture.pixels, flags + picture.flags, picture.scaled)

    def render_visibly(self, width: int, height: int) -> DecodedImage | None:
        """After `render`: as `RasterDecoder` does it."""
        return self._raster.render_visibly(width, height)

    def varies(self) -> bool:
        """After `render`: as `RasterDecoder` does it."""
        return self._raster.varies()


def read_jxl_header(data: bytes) -> JxlHeader:
    """Size and kind from the first bytes of the codestream, in a container or bare.

    Raises:
        Refusal: there is no whole header.
    """
    start = _codestream_start(data)
    if not start.startswith(_BARE):
        raise Refusal("damaged", "it holds no JPEG XL codestream")
    try:
        return _parse(_Bits(start[2:]))
    except EOFError:
        raise Refusal("truncated", "it ends in its header") from None


def _parse(bits: _Bits) -> JxlHeader:
    width, height = _size(bits)
    orientation, animated = 1, False
    if not bits.take(1) and bits.take(1):  # not all by default, and with further fields
        orientation = 1 + bits.take(3)
        if bits.take(1):
            _size(bits)  # the size it should be shown in
        # behind a preview, which no encoder writes, the flag is not looked for
        animated = not bits.take(1) and bool(bits.take(1))
    if orientation >= _TRANSPOSED:
        width, height = height, width
    return JxlHeader(width, height, animated)


def _size(bits: _Bits) -> tuple[int, int]:
    small = bits.take(1)
    height = _side(bits, small)
    ratio = bits.take(3)
    if not ratio:
        return _side(bits, small), height
    across, down = _RATIOS[ratio - 1]
    return height * across // down, height


def _side(bits: _Bits, small: int) -> int:
    if small:
        return 8 * (1 + bits.take(5))
    return 1 + bits.take(_SIZE_BITS[bits.take(2)])


class _Bits:
    """Bits of a codestream, the lowest of each byte first."""

    def __init__(self, data: bytes) -> None:
        self._left = len(data) * 8
        self._value = int.from_bytes(data, "little")

    def take(self, count: int) -> int:
        """Next `count` bits as a number.

        Raises:
            EOFError: there are not so many.
        """
        if count > self._left:
            raise EOFError
        taken = self._value & ((1 << count) - 1)
        self._value >>= count
        self._left -= count
        return taken


def _codestream_start(data: bytes) -> bytes:
    """First bytes of the codestream, which a container may hold in parts."""
    if data.startswith(_BARE):
        return data[:_HEADER_BYTES]
    start = b""
    for kind, at, end in _boxes(data):
        if kind == b"jxlc":
            return data[at : min(end, at + _HEADER_BYTES)]
        if kind == b"jxlp":
            start += data[at + 4 : min(end, at + 4 + _HEADER_BYTES)]  # after the part's number
        if len(start) >= _HEADER_BYTES:
            break
    return start


def _without_jpeg(data: bytes) -> bytes:
    """File without the box from which the JPEG it was packed from is rebuilt.

    With it the plugin would give that JPEG's pixels, not turned; without, libjxl's own.
    """
    if data.startswith(_BARE):
        return data
    for kind, at, _ in _boxes(data):
        if kind == b"jbrd":
            name = data.rindex(kind, 0, at)
            return data[:name] + b"free" + data[name + 4 :]
    return data


def _boxes(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of the content of each box."""
    at = 0
    while at + 8 <= len(data):
        length, head = int.from_bytes(data[at : at + 4], "big"), 8
        if length == 1:
            length, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        end = at + length if length else len(data)
        if end < at + head:
            return
        yield data[at + 4 : at + 8], at + head, end
        at = end
