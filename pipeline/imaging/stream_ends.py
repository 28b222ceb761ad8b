"""Streams of pixels that end elsewhere than their pictures do, at which no decoder here looks.

Checksums and lengths that a file gives are proofs. Codes that are left over are only a doubt: some
writers fill up their last strip.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from isal import isal_zlib
from PIL import Image

from pipeline.imaging.decoder import Refusal
from pipeline.imaging.plugins import open_image
from pipeline.imaging.tiff_errors import silenced
from pipeline.imaging.tiff_pages import TiffPage
from pipeline.imaging.tiff_samples import small_file

_TGA_FOOTER, _TGA_FOOTER_BYTES = b"TRUEVISION-XFILE.\0", 26
_TGA_HEADER, _PLAIN_TGA = 18, frozenset({1, 2, 3})
_PSD_HEADER, _PACKED = 26, 1
_SGI_TABLE = 512
_ZLIB = frozenset({8, 32946})
_ZLIB_ERROR = cast(type[Exception], isal_zlib.error)
_LEFT_OVER = frozenset({5, 32773, 50000})  # LZW, PackBits, Zstandard
_QOI_END = bytes(7) + b"\1"


def check_length(data: bytes, format: str) -> None:
    """Refuse a file that is shorter than its own header and tables ask for.

    Raises:
        Refusal: `truncated`, or `damaged` for rows without pixels.
    """
    if format == "PCX" and _lacks_palette(data):
        raise Refusal("truncated", "its palette is missing")
    if format == "SGI" and data[2] and _has_empty_row(data):
        raise Refusal("damaged", "a row of it has no pixels")
    needed, there = 0, len(data)
    if format == "TGA" and data[2] in _PLAIN_TGA:
        needed, there = _tga_end(data), _tga_pixels_end(data)
    elif format == "PSD":
        needed = _psd_end(data)
    if needed > there:
        raise Refusal("truncated", f"its pixels take {needed} bytes, of which {there} are there")


def check_sums(image: Image.Image, data: bytes) -> None:
    """Refuse a loaded page of a TIFF whose deflated pixels have another checksum.

    Raises:
        Refusal: `damaged`.
    """
    page = _page(image)
    if page is None or page.number(259, 1) not in _ZLIB:
        return
    for strip in _strips(page, data):
        try:
            isal_zlib.decompressobj().decompress(strip)
        except _ZLIB_ERROR as error:
            raise Refusal("damaged", str(error)) from None


def has_left_over(image: Image.Image, data: bytes, format: str, read: int) -> bool:
    """Tell whether a loaded picture was complete before its codes were; `read` is where its
    decoder stopped reading the file."""
    if format == "QOI":
        return data[read : read + len(_QOI_END)] != _QOI_END
    page = _page(image) if format == "TIFF" else None
    if page is None or page.number(259, 1) not in _LEFT_OVER:
        return False
    compression, sizes = page.number(259, 1), _sizes(page)
    with silenced():
        return any(
            _is_longer(strip, compression, size)
            for strip, size in zip(_strips(page, data), sizes, strict=False)
        )


def _is_longer(strip: bytes, compression: int, size: int) -> bool:
    try:
        open_image(small_file(strip, compression, size + 1, 1), "TIFF").load()
    except OSError:
        return False
    return True


def _page(image: Image.Image) -> TiffPage | None:
    directory = getattr(image, "tag_v2", None)
    return None if directory is None else TiffPage(directory, "<")


def _strips(page: TiffPage, data: bytes) -> Iterator[bytes]:
    offsets = page.numbers(273) or page.numbers(324)
    lengths = page.numbers(279) or page.numbers(325)
    for at, length in zip(offsets, lengths, strict=False):
        yield data[at : at + length]


def _sizes(page: TiffPage) -> Iterator[int]:
    """Bytes that each strip of a page unpacks to; none for tiles, which are always filled up."""
    width, height = page.number(256, 0), page.number(257, 0)
    rows = min(page.number(278, height) or height, height)
    bands, planes = page.number(277, 1), 1
    if page.number(284, 1) == 2:
        bands, planes = 1, bands
    row = -(-width * bands * page.number(258, 1) // 8)
    if 322 in page.directory or not rows:
        return
    for _ in range(planes):
        for top in range(0, height, rows):
            yield row * min(rows, height - top)


def _tga_end(data: bytes) -> int:
    """End of the plain pixels of a TGA by its header."""
    width, height = (int.from_bytes(data[at : at + 2], "little") for at in (12, 14))
    entries, entry_bits = int.from_bytes(data[5:7], "little"), data[7] if data[1] else 0
    start = _TGA_HEADER + data[0] + entries * -(-entry_bits // 8)
    return start + width * height * -(-data[16] // 8)


def _tga_pixels_end(data: bytes) -> int:
    """Start of what may follow the pixels."""
    if not data.endswith(_TGA_FOOTER):
        return len(data)
    footer = len(data) - _TGA_FOOTER_BYTES
    areas = (int.from_bytes(data[footer + at : footer + at + 4], "little") for at in (0, 4))
    return min([footer, *(area for area in areas if area)])


def _lacks_palette(data: bytes) -> bool:
    """Tell whether a PCX of one byte a pixel ends without its 256 colours, which the decoder then
    takes for greys; real greys are said to be some."""
    says_grey = data[68:70] == b"\2\0"
    mapped = (
        (data[1], data[3], data[65]) == (5, 8, 1) and not says_grey if len(data) > 69 else False
    )
    return mapped and data[-769:-768] != b"\x0c"


def _has_empty_row(data: bytes) -> bool:
    """Tell whether a packed row of an SGI begins with the count 0, which ends it."""
    height, channels = (int.from_bytes(data[at : at + 2], "big") for at in (8, 10))
    table = range(_SGI_TABLE, _SGI_TABLE + 4 * height * max(channels, 1), 4)
    low_byte = data[3] - 1  # of a count: it is as wide as a sample
    starts = (int.from_bytes(data[at : at + 4], "big") + low_byte for at in table)
    return any(not data[start : start + 1].strip(b"\0\x80") for start in starts)


def _psd_end(data: bytes) -> int:
    """End of the packed pixels of a PSD by the lengths of their rows; 0 where they are plain,
    which the decoder counts itself."""
    at = _PSD_HEADER
    for _ in range(3):  # palette, resources, layers
        at += 4 + int.from_bytes(data[at : at + 4], "big")
    if int.from_bytes(data[at : at + 2], "big") != _PACKED:
        return 0
    channels, height = (int.from_bytes(data[k : k + n], "big") for k, n in ((12, 2), (14, 4)))
    at, count = at + 2, channels * height
    lengths = (int.from_bytes(data[k : k + 2], "big") for k in range(at, at + 2 * count, 2))
    return at + 2 * count + sum(lengths)
