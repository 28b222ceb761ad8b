"""Code points inside the coded pictures of HEIC and AVIF: decoders use them where the file gives
none.

HEVC: the VUI of a sequence parameter set (ITU-T H.265, 7.3.2.2 and annex E), in the property
"hvcC" (ISO/IEC 14496-15, 8.3.3). AV1: the sequence header ("AV1 Bitstream & Decoding Process",
5.5), in the property "av1C" or at the start of the coded picture.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

_SPS = 33  # kind of a NAL unit
_HVCC_ARRAYS = 22  # where they begin
HEADER_BYTES = 256
"""More than the sequence header of a coded picture takes."""
_MOST_REFERENCES = 64
_SEQUENCE_HEADER, _TEMPORAL_DELIMITER = 1, 2
_EXTENDED_SHAPE = 255
_MANY_LEVELS = 7  # levels above it have a tier

Numbers = tuple[int, int]
"""Primaries and transfer, as H.273 numbers them."""


def of_hevc(configuration: bytes) -> Numbers | None:
    """Primaries and transfer by the content of an "hvcC", None where it gives none."""
    for unit in _units(configuration):
        try:
            numbers = _of_sps(_Bits(unit[2:].replace(b"\0\0\3", b"\0\0")))
        except EOFError:
            continue
        if numbers:
            return numbers
    return None


def of_av1(obus: bytes) -> Numbers | None:
    """Primaries and transfer by open bitstream units, None where they give none."""
    try:
        return _of_sequence(_Bits(_sequence_header(obus)))
    except EOFError:
        return None


def size_of_av1(obus: bytes) -> tuple[int, int] | None:
    """Width and height by open bitstream units, None where they give none."""
    try:
        return _shape(_Bits(_sequence_header(obus))).size
    except EOFError:
        return None


def _sequence_header(obus: bytes) -> bytes:
    """Content of the unit that describes the sequence, b"" without one."""
    at = 0
    while at < len(obus):
        kind, extended, sized = obus[at] >> 3 & 15, obus[at] >> 2 & 1, obus[at] >> 1 & 1
        at += 1 + extended
        size, at = _leb128(obus, at) if sized else (len(obus) - at, at)
        if kind == _SEQUENCE_HEADER:
            return obus[at : at + min(size, HEADER_BYTES)]
        if kind != _TEMPORAL_DELIMITER:
            break
        at += size
    return b""


class _Bits:
    """Bits of a codestream, the highest of each byte first; EOFError behind the last one."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        """Next `count` bits as a number."""
        if count > self._left:
            raise EOFError
        self._left -= count
        return self._value >> self._left & ((1 << count) - 1)

    def golomb(self) -> int:
        """Next number in Exp-Golomb code (H.265, 9.2)."""
        zeros = 0
        while not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros)

    def golombs(self, count: int) -> list[int]:
        """Numbers of the next `count` codes."""
        return [self.golomb() for _ in range(count)]


def _units(configuration: bytes) -> Iterator[bytes]:
    """Sequence parameter sets of a HEVC configuration."""
    at = _HVCC_ARRAYS + 1
    for _ in range(configuration[_HVCC_ARRAYS] if len(configuration) > _HVCC_ARRAYS else 0):
        kind = configuration[at : at + 1]
        count = int.from_bytes(configuration[at + 1 : at + 3], "big")
        at += 3
        for _ in range(count):
            length = int.from_bytes(configuration[at : at + 2], "big")
            if not length:
                return
            if kind and kind[0] & 63 == _SPS:
                yield configuration[at + 2 : at + 2 + length]
            at += 2 + length


def _of_sps(bits: _Bits) -> Numbers | None:
    bits.take(4)
    layers = bits.take(3)
    bits.take(1)
    _skip_profile(bits, layers)
    bits.golomb()
    if bits.golomb() == 3:
        bits.take(1)
    bits.golombs(2)  # width, height
    if bits.take(1):
        bits.golombs(4)
    bits.golombs(2)  # depths
    order_bits = 4 + bits.golomb()
    bits.golombs(3 * (layers + 1 if bits.take(1) else 1))
    bits.golombs(6)
    if bits.take(1) and bits.take(1):
        _skip_scaling_lists(bits)
    bits.take(2)
    if bits.take(1):
        bits.take(8)
        bits.golombs(2)
        bits.take(1)
    _skip_references(bits)
    if bits.take(1):
        for _ in range(bits.golomb()):
            bits.take(order_bits + 1)
    bits.take(2)
    return _of_vui(bits) if bits.take(1) else None


def _of_vui(bits: _Bits) -> Numbers | None:
    if bits.take(1) and bits.take(8) == _EXTENDED_SHAPE:
        bits.take(32)
    if bits.take(1):
        bits.take(1)
    if not bits.take(1):
        return None
    bits.take(4)
    return (bits.take(8), bits.take(8)) if bits.take(1) else None


def _skip_profile(bits: _Bits, layers: int) -> None:
    bits.take(96)
    present = [(bits.take(1), bits.take(1)) for _ in range(layers)]
    bits.take(2 * (8 - layers) if layers else 0)
    for profile, level in present:
        bits.take(88 * profile + 8 * level)


def _skip_scaling_lists(bits: _Bits) -> None:
    for size in range(4):
        for _ in range(0, 6, 3 if size == 3 else 1):
            if not bits.take(1):
                bits.golomb()
            else:
                bits.golombs(min(64, 1 << 4 + 2 * size) + (size > 1))


def _skip_references(bits: _Bits) -> None:
    """Short-term sets of reference pictures, which stills seldom have."""
    pictures = 0
    for number in range(min(bits.golomb(), _MOST_REFERENCES)):
        if number and bits.take(1):
            bits.take(1)
            bits.golomb()
            pictures = sum(bits.take(1) or bits.take(1) for _ in range(pictures + 1))
        else:
            pictures = sum(bits.golombs(2))
            for _ in range(min(pictures, _MOST_REFERENCES)):
                bits.golomb()
                bits.take(1)


class _Shape(Struct, frozen=True):
    profile: int
    reduced: bool
    size: tuple[int, int]


def _shape(bits: _Bits) -> _Shape:
    profile = bits.take(3)
    bits.take(1)
    reduced = bool(bits.take(1))
    if reduced:
        bits.take(5)
    else:
        _skip_operating_points(bits)
    widths, heights = bits.take(4), bits.take(4)
    return _Shape(profile, reduced, (bits.take(widths + 1) + 1, bits.take(heights + 1) + 1))


def _of_sequence(bits: _Bits) -> Numbers | None:
    shape = _shape(bits)
    profile, reduced = shape.profile, shape.reduced
    if not reduced and bits.take(1):
        bits.take(7)
    bits.take(3)
    if not reduced:
        _skip_tools(bits)
    bits.take(3)
    deep = bits.take(1)
    if profile == 2 and deep:
        bits.take(1)
    if profile != 1:
        bits.take(1)  # without colours
    return (bits.take(8), bits.take(8)) if bits.take(1) else None


def _skip_operating_points(bits: _Bits) -> None:
    delay_bits = 0
    if bits.take(1):
        bits.take(64)
        if bits.take(1):
            bits.golomb()
        if bits.take(1):
            delay_bits = 1 + bits.take(5)
            bits.take(42)
    initial_delay = bits.take(1)
    for _ in range(1 + bits.take(5)):
        bits.take(12)
        if bits.take(5) > _MANY_LEVELS:
            bits.take(1)
        if delay_bits and bits.take(1):
            bits.take(2 * delay_bits + 1)
        if initial_delay and bits.take(1):
            bits.take(4)


def _skip_tools(bits: _Bits) -> None:
    bits.take(4)
    ordered = bits.take(1)
    if ordered:
        bits.take(2)
    if (bits.take(1) or bits.take(1)) and not bits.take(1):
        bits.take(1)
    if ordered:
        bits.take(3)


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    """Number in seven bits a byte, and where it ends."""
    value, shift = 0, 0
    for byte in data[at : at + 8]:
        value |= (byte & 127) << shift
        shift, at = shift + 7, at + 1
        if byte < 128:
            break
    return value, at
