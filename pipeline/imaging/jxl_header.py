"""Header of a JPEG XL file, which the plugin reads together with the pixels.

ISO/IEC 18181-1, annexes C and D; the boxes around the codestream ISO/IEC 18181-2.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from pipeline.imaging.decoder import Refusal

BARE = b"\xff\x0a"
"""Begins a codestream without boxes."""

_HEADER_BYTES = 64  # more than size, orientation and animation ever take
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_SIZE_BITS = (9, 13, 18, 30)
_TRANSPOSED = 5  # from this orientation on, width and height change places


class JxlHeader(Struct, frozen=True):
    """Facts at the start of a codestream.

    Attributes:
        width, height: pixels as libjxl gives them, turned already.
        animated: it has frames.
    """

    width: int
    height: int
    animated: bool


def read_jxl_header(data: bytes) -> JxlHeader:
    """Size and kind from the first bytes of the codestream, in a container or bare.

    Raises:
        Refusal: there is no whole header.
    """
    start = _codestream_start(data)
    if not start.startswith(BARE):
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
    if data.startswith(BARE):
        return data[:_HEADER_BYTES]
    start = b""
    for kind, at, end in boxes(data):
        if kind == b"jxlc":
            return data[at : min(end, at + _HEADER_BYTES)]
        if kind == b"jxlp":
            start += data[at + 4 : min(end, at + 4 + _HEADER_BYTES)]  # after the part's number
        if len(start) >= _HEADER_BYTES:
            break
    return start


def boxes(data: bytes) -> Iterator[tuple[bytes, int, int]]:
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
