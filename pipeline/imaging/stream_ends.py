"""Streams of pixels that end elsewhere than their pictures do, at which no decoder here looks.

Checksums and lengths that a file gives are proofs. Codes that are left over are only a doubt: some
writers fill up their last strip.
"""

from __future__ import annotations

from typing import Any, cast

from isal import isal_zlib
from PIL import Image

from pipeline.imaging.decoder import Refusal
from pipeline.imaging.stored_end import end_of_psd, end_of_tga
from pipeline.imaging.stored_sizes import exceeds_highest
from pipeline.imaging.tiff_errors import silenced
from pipeline.imaging.tiff_pages import TiffPage, strip_sizes, strips
from pipeline.imaging.tiff_samples import small_file

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
    if format == "PNM" and exceeds_highest(data):
        raise Refusal("damaged", "it has samples above the one that it says is white")
    needed = end_of_tga(data) if format == "TGA" else 0
    if format == "PSD":
        needed = end_of_psd(data)
    if needed > len(data):
        raise Refusal("truncated", f"its pixels end at byte {needed}, the file at {len(data)}")


def check_sums(image: Image.Image, data: bytes) -> None:
    """Refuse a loaded page of a TIFF whose deflated pixels have another checksum.

    Raises:
        Refusal: `damaged`.
    """
    page = _page(image)
    if page is None or page.number(259, 1) not in _ZLIB:
        return
    for strip in strips(page, data):
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
    compression, sizes = page.number(259, 1), strip_sizes(page)
    with silenced():
        return any(
            _is_longer(strip, compression, size)
            for strip, size in zip(strips(page, data), sizes, strict=False)
        )


def _is_longer(strip: bytes, compression: int, size: int) -> bool:
    """Tell whether a strip gives a byte more, by libtiff itself: a picture of Pillow's around it
    takes as long as its codes do."""
    file = small_file(strip, compression, size + 1, 1)
    core: Any = getattr(Image, "core")  # noqa: B009
    pixels = core.new("L", (size + 1, 1))
    codec = core.libtiff_decoder("L", "L", False, int.from_bytes(file[4:8], "little"))
    codec.setimage(pixels, (0, 0, size + 1, 1))
    _, error = codec.decode(file)
    return not error


def _page(image: Image.Image) -> TiffPage | None:
    directory = getattr(image, "tag_v2", None)
    return None if directory is None else TiffPage(directory, "<")


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
