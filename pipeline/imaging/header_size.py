"""Sizes by a file's header, where a library allocates or refuses before it tells them."""

from __future__ import annotations

from pipeline.core.recipe import ImageLimits
from pipeline.imaging.decoder import Refusal, check_pixels
from pipeline.imaging.sun_raster import sun_size

_META_BYTES = 1 << 16  # of an ISO base media file: what describes its images stands first
_BITMAP_FILE_HEADER, _BITMAP_CORE_HEADER = 14, 12


def check_header(data: bytes, format: str, caps: ImageLimits) -> None:
    """Refuse a file for its size, before any library sees it.

    Raises:
        Refusal: `too_many_pixels`, or `damaged` for a size that is none.
    """
    check_pixels(*announced_size(data, format), caps)
    if format == "BMP" and _little(data[14:18]) > _BITMAP_CORE_HEADER:
        width = int.from_bytes(data[18:22], "little", signed=True)
        if width <= 0:
            raise Refusal("damaged", f"its header gives a width of {width} pixels")
        if 0 < _little(data[10:14]) < _BITMAP_FILE_HEADER + _little(data[14:18]):
            raise Refusal("damaged", "its pixels begin within its header")


def announced_size(data: bytes, format: str | None) -> tuple[int, int]:
    """Width and height by the header of a file that no decoder could open, (0, 0) where they are
    not read."""
    if format == "WebP":
        return webp_size(data)
    if format == "Sun raster":
        return sun_size(data)
    return iso_size(data) if format in ("AVIF", "HEIC") else (0, 0)


def iso_size(data: bytes) -> tuple[int, int]:
    """Width and height of the largest image that a HEIC or AVIF describes ("ispe", ISO/IEC
    23008-12), (0, 0) without any."""
    head = data[:_META_BYTES]
    largest, at = (0, 0), head.find(b"ispe")
    while at >= 0:
        width, height = (int.from_bytes(head[at + k : at + k + 4], "big") for k in (8, 12))
        if head[at - 4 : at] == b"\0\0\0\x14" and width * height > largest[0] * largest[1]:
            largest = width, height
        at = head.find(b"ispe", at + 4)
    return largest


def webp_size(data: bytes) -> tuple[int, int]:
    """Width and height by a WebP's first chunk, (0, 0) when it is of no known kind.

    Pillow's plugin allocates the whole canvas before it tells its size.
    """
    kind = data[12:16]
    if kind == b"VP8X" and len(data) >= 30:
        return _little(data[24:27]) + 1, _little(data[27:30]) + 1
    if kind == b"VP8 " and len(data) >= 30:
        return _little(data[26:28]) & 0x3FFF, _little(data[28:30]) & 0x3FFF
    if kind == b"VP8L" and len(data) >= 25:
        bits = _little(data[21:25])
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return 0, 0


def _little(number: bytes) -> int:
    return int.from_bytes(number, "little")
