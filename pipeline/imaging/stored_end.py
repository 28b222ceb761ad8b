"""End of a file by its own header and tables, for formats that say it and whose decoders stop when
the picture is full.

Bytes behind it are no proof: writers pad, and append what they like. But where bytes came into a
file, or a size in its header is smaller than it was, this is all that there is to see of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from pipeline.imaging.pam import PAM, read_pam_header
from pipeline.imaging.tiff import end_of_tiff

_TGA_FOOTER, _TGA_FOOTER_BYTES = b"TRUEVISION-XFILE.\0", 26
_TGA_HEADER, _PLAIN_TGA = 18, frozenset({1, 2, 3})
PNM_HEADER = re.compile(rb"P([4-6])(?:\s|#[^\n]*\n)+(\d+)(?:\s|#[^\n]*\n)+(\d+)")
PNM_HIGHEST = re.compile(rb"(?:\s|#[^\n]*\n)+(\d+)")
_PNM_FOLLOWS = re.compile(rb"\s*(P[1-7Ff]\s.*)?\Z", re.DOTALL)
_BMP_HEADER, _BMP_PROFILE_HEADER, BMP_PLAIN = 14, 124, frozenset({0, 3, 6})
DIB_HEADER = 40
_PSD_HEADER, _PSD_PLAIN = 26, b"\0\0"
_SGI_HEADER = 512
PSD_PACKED = b"\0\1"
"""Way of packing of a PSD whose rows are packed."""
_SUN_HEADER, _SUN_LENGTH = 32, 16
_DDS_HEADER, _DDS_LONGER = 128, 148
_DDS_BLOCKS = {b"DXT1": 8, b"ATI1": 8, b"BC4U": 8, b"BC4S": 8} | dict.fromkeys(
    (b"DXT2", b"DXT3", b"DXT4", b"DXT5", b"ATI2", b"BC5U", b"BC5S"), 16
)
_DXGI_BLOCKS = {
    number: 8 if number in (70, 71, 72, 79, 80, 81) else 16
    for number in (*range(70, 85), *range(94, 100))
}
_DDS_FACES, _DDS_VOLUME = 0xFC00, 0x200000
_BLP_OFFSETS, _BLP_MIPMAPS = {b"BLP1": 28, b"BLP2": 20}, 16
_GIF_INTRODUCERS = b"\x21\x2c\x3b"
_RIFF_HEADER = 8


def goes_on(data: bytes, format: str) -> bool:
    """Tell whether a file of `format` that was decoded has bytes that do not belong to it."""
    end_of = _ENDS.get(format)
    end = None if end_of is None else end_of(data)
    if not end or end >= len(data):
        return False
    return format != "PNM" or not _PNM_FOLLOWS.match(data, end)


def _little(data: bytes, at: int, length: int) -> int:
    return int.from_bytes(data[at : at + length], "little")


def _big(data: bytes, at: int, length: int) -> int:
    return int.from_bytes(data[at : at + length], "big")


def _end_of_riff(data: bytes) -> int:
    length = _little(data, 4, 4)
    return _RIFF_HEADER + length + length % 2


def _end_of_boxes(data: bytes) -> int | None:
    """End of the last whole box (ISO/IEC 14496-12), None in a bare codestream or where a box goes
    on to the end."""
    at = 0
    while at + 8 <= len(data):
        length, kind = _big(data, at, 4), data[at + 4 : at + 8]
        if length == 1:
            length = _big(data, at + 8, 8)
        if not at and not (kind.isascii() and length <= len(data)):
            return None
        if length == 0:
            return None
        if length < 8 or at + length > len(data):
            break
        at += length
    return at


def _end_of_gif(data: bytes) -> int | None:
    """End of the first frame when what follows it is neither a block nor the trailer, or of the
    colours when that is so of what follows them."""
    at = 13 + _colours(data[10])
    while at < len(data) and data[at] == 0x21:
        at = _after_blocks(data, at + 2)
    if data[at : at + 1] != b"\x2c" or at + 10 >= len(data):
        return at if data[at : at + 1] not in (b"\x2c", b"\x3b", b"\0", b"") else None
    at = _after_blocks(data, at + 11 + _colours(data[at + 9]))
    while data[at : at + 1] == b"\0":  # some writers end the pixels twice
        at += 1
    return at if at < len(data) and data[at] not in _GIF_INTRODUCERS else None


def _colours(flags: int) -> int:
    """Bytes of a colour table."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _after_blocks(data: bytes, at: int) -> int:
    while at < len(data) and data[at]:
        at += data[at] + 1
    return at + 1


def end_of_pnm(data: bytes) -> int | None:
    """End of the pixels of a PNM, None where they are decimal numbers or the header is cut."""
    if data.startswith(PAM):
        return read_pam_header(data).end
    header = PNM_HEADER.match(data)
    if header is None:
        return None
    kind, width, height = (int(number) for number in header.groups())
    at = header.end() + 1
    if kind == 4:
        return at + -(-width // 8) * height
    highest = PNM_HIGHEST.match(data, header.end())
    if highest is None:
        return None
    depth = 2 if int(highest[1]) > 255 else 1
    return highest.end() + 1 + width * height * depth * (3 if kind == 6 else 1)


def bmp_rows(data: bytes) -> tuple[int, int, int]:
    """Start of the pixels, bytes of a row, number of rows."""
    width, bits = _little(data, 18, 4), _little(data, 28, 2)
    height = abs(int.from_bytes(data[22:26], "little", signed=True))
    return _little(data, 10, 4), -(-width * bits // 32) * 4, height


def _end_of_bmp(data: bytes) -> int | None:
    """End of plain pixels, None where a colour profile may follow; a row more may be padding.
    Pixels that begin among the colours end where they begin."""
    header, bits = _little(data, 14, 4), _little(data, 28, 2)
    if header < 40 or header >= _BMP_PROFILE_HEADER or _little(data, 30, 4) not in BMP_PLAIN:
        return None
    start, row, height = bmp_rows(data)
    colours = min(_little(data, 46, 4) or 1 << bits, 1 << bits) * 4 if bits <= 8 else 0
    if start < _BMP_HEADER + header + colours:
        return start
    return start + row * (height + 1) - 1


def end_of_tga(data: bytes) -> int:
    """End of a file whose plain pixels are as many as its header says, with what may follow them;
    0 where they are packed."""
    if data[2] not in _PLAIN_TGA:
        return 0
    start, end, _ = tga_pixels(data)
    depth = data[16] if data[16] == 1 else -(-data[16] // 8) * 8  # Pillow writes those of one bit
    pixels = -(-_little(data, 12, 2) * depth // 8) * _little(data, 14, 2)
    return start + pixels + len(data) - end


def tga_pixels(data: bytes) -> tuple[int, int, int]:
    """Start of a TGA's pixels, start of what follows them, and bytes of a pixel."""
    entries, bits = _little(data, 5, 2), data[7] if data[1] else 0
    start = _TGA_HEADER + data[0] + entries * -(-bits // 8)
    return start, _start_of_tga_footer(data), -(-data[16] // 8)


def _start_of_tga_footer(data: bytes) -> int:
    """Start of what may follow the pixels."""
    if not data.endswith(_TGA_FOOTER):
        return len(data)
    footer = len(data) - _TGA_FOOTER_BYTES
    areas = (_little(data, footer + at, 4) for at in (0, 4))
    return min([footer, *(area for area in areas if area)])


def psd_pixels(data: bytes) -> tuple[int, int, int, int, int]:
    """Place of a PSD's pixels, which begin with the way of packing; channels, height, width, bits
    of a sample."""
    at = _PSD_HEADER
    for _ in range(3):  # palette, resources, layers
        at += 4 + _big(data, at, 4)
    return at, _big(data, 12, 2), _big(data, 14, 4), _big(data, 18, 4), _big(data, 22, 2)


def end_of_psd(data: bytes) -> int:
    """End of the pixels of all layers together, by their size or by the lengths of their packed
    rows; 0 for another way of packing."""
    at, channels, height, width, depth = psd_pixels(data)
    if data[at : at + 2] == _PSD_PLAIN:
        return at + 2 + channels * height * -(-width * depth // 8)
    if data[at : at + 2] != PSD_PACKED:
        return 0
    lengths = (_big(data, place, 2) for place in range(at + 2, at + 2 + 2 * channels * height, 2))
    return at + 2 + 2 * channels * height + sum(lengths)


def _end_of_sgi(data: bytes) -> int:
    width, height, channels = (_big(data, at, 2) for at in (6, 8, 10))
    rows = height * max(channels, 1)
    if not data[2]:
        return _SGI_HEADER + width * rows * data[3]
    table = range(_SGI_HEADER, _SGI_HEADER + 4 * rows, 4)
    ends = (_big(data, at, 4) + _big(data, at + 4 * rows, 4) for at in table)
    return max(ends, default=len(data))


def _end_of_sun(data: bytes) -> int | None:
    """End by the header's length of the pixels, or by their size where it gives none."""
    width, height, bits, length, kind = (_big(data, at, 4) for at in (4, 8, 12, 16, 20))
    plain = -(-width * bits // 16) * 2 * height
    if kind == 2:
        return _SUN_HEADER + _big(data, 28, 4) + length if length else None
    return _SUN_HEADER + _big(data, 28, 4) + plain


def _end_of_dds(data: bytes) -> int | None:
    """End of the last mipmap of the last face; None for layouts that are not counted here."""
    code, bits, start, count = data[84:88], _little(data, 88, 4), _DDS_HEADER, 1
    block = _DDS_BLOCKS.get(code, 0)
    if code == b"DX10":
        start, count = _DDS_LONGER, _little(data, 140, 4)
        block = _DXGI_BLOCKS.get(_little(data, 128, 4), 0)
    elif code == bytes(4):
        block = 0
    if _little(data, 112, 4) & _DDS_VOLUME or not (block or (code == bytes(4) and bits)):
        return None
    height, width, levels = (_little(data, at, 4) for at in (12, 16, 28))
    size = 0
    for level in range(min(max(levels, 1), 32)):
        across, down = max(width >> level, 1), max(height >> level, 1)
        if block:
            size += -(-across // 4) * -(-down // 4) * block
        else:
            size += -(-across * bits // 8) * down
    faces = (_little(data, 112, 4) & _DDS_FACES).bit_count()
    return start + size * max(faces, 1) * max(count, 1)


def _end_of_blp(data: bytes) -> int | None:
    at = _BLP_OFFSETS.get(data[:4])
    if at is None:
        return None
    places = range(at, at + 4 * _BLP_MIPMAPS, 4)
    return max(_little(data, place, 4) + _little(data, place + 64, 4) for place in places)


def _end_of_icon(data: bytes) -> int:
    """End of the last picture; that of the first bitmap which is shorter than its entry says by
    more than two rows: some writers count their masks wrongly."""
    end = 0
    for entry in range(6, 6 + 16 * _little(data, 4, 2), 16):
        length, at = _little(data, entry + 8, 4), _little(data, entry + 12, 4)
        if _little(data, at, 4) == DIB_HEADER and _bytes_of_bitmap(data, at) < length:
            return at + _bytes_of_bitmap(data, at)
        end = max(end, at + length)
    return end


def _bytes_of_bitmap(data: bytes, at: int) -> int:
    """Most bytes of the bitmap of an icon: header, colours, pixels and mask, whose heights count
    together, and two rows more."""
    width, height, bits = (
        _little(data, at + 4, 4),
        _little(data, at + 8, 4),
        _little(data, at + 14, 2),
    )
    colours = (_little(data, at + 32, 4) or 1 << bits) * 4 if bits <= 8 else 0
    rows = -(-width * bits // 32) * 4 + -(-width // 32) * 4
    return DIB_HEADER + colours + rows * (height // 2 + 2)


def _end_of_icns(data: bytes) -> int:
    return _big(data, 4, 4)


_ENDS: dict[str, Callable[[bytes], int | None]] = {
    "WebP": _end_of_riff,
    **dict.fromkeys(("AVIF", "HEIC", "JPEG 2000", "JPEG XL"), _end_of_boxes),
    "GIF": _end_of_gif,
    "PNM": end_of_pnm,
    "BMP": _end_of_bmp,
    "TGA": end_of_tga,
    "PSD": end_of_psd,
    "SGI": _end_of_sgi,
    "Sun raster": _end_of_sun,
    "DDS": _end_of_dds,
    "BLP": _end_of_blp,
    "ICO": _end_of_icon,
    "ICNS": _end_of_icns,
    "TIFF": end_of_tiff,
}
