"""What a file says about its own completeness, which the decoders do not look at."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from pipeline.imaging.tiff import first_value, is_classic, is_cut_tiff

_PNG_SIGNATURE = 8
_SHAPES_PIXELS = frozenset({b"IHDR", b"PLTE", b"IDAT", b"tRNS"})
_TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_COMPRESSION_TAG = 0x0103
# as libtiff's tiff.h numbers them; those that the libtiff in Pillow's wheels can decode
_COMPRESSIONS = frozenset(
    {1, 2, 3, 4, 5, 6, 7, 8, 32771, 32773, 32809, 32946, 34676, 34677, 34925, 50000}
)
_UNKNOWN_COMPRESSIONS = {
    33003: "JPEG 2000", 33005: "JPEG 2000", 34712: "JPEG 2000", 34892: "lossy raw data",
    50001: "WebP", 50002: "JPEG XL", 52546: "JPEG XL",
}  # fmt: skip
_TELLING_TEXTS = (b"XML:com.adobe.xmp\0", b"Raw profile type exif\0")  # which way is up


def check_png(data: bytes) -> tuple[str, bytes]:
    """Words for the first chunk of pixels whose checksum is wrong ("" when all are right), and
    the file without broken other chunks and without texts, which may unpack to gigabytes.

    Pillow does not look at the checksums of pixels, and refuses a file for those of its comments.
    A file that just ends is not judged here: the decoder notices that by itself.
    """
    problem, parts, start = "", [], 0
    for at, kind, end in _chunks(data):
        stored = int.from_bytes(data[end - 4 : end], "big")
        sound = zlib.crc32(memoryview(data)[at + 4 : end - 4]) == stored
        if kind in _SHAPES_PIXELS:
            if not (sound or problem):
                problem = f"the checksum of a chunk {kind.decode('ascii')} is wrong"
        elif (kind[:1].islower() and not sound) or _is_idle_text(data, at, kind):
            parts.append(data[start:at])
            start = end
    return problem, b"".join((*parts, data[start:])) if parts else data


def _is_idle_text(data: bytes, at: int, kind: bytes) -> bool:
    return kind in _TEXTS and not data.startswith(_TELLING_TEXTS, at + 8)


def _chunks(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Start, kind and end of each whole PNG chunk up to the end chunk."""
    at, kind = _PNG_SIGNATURE, b""
    while at + 12 <= len(data) and kind != b"IEND":
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        kind = data[at + 4 : at + 8]
        if end > len(data):
            return
        yield at, kind, end
        at = end


def is_cut_short(data: bytes, format: str) -> bool:
    """True when a file that could not be decoded ends before the end that it announces."""
    if format == "WebP":
        return int.from_bytes(data[4:8], "little") + 8 > len(data)
    if format == "TIFF":
        return is_cut_tiff(data)
    if format in ("HEIC", "AVIF") or (format == "JPEG XL" and data[:1] == b"\0"):
        return _is_cut_box_file(data)  # a bare JPEG XL codestream does not say where it ends
    return False


def unknown_compression(data: bytes) -> str:
    """Words for the compression of a TIFF's first page that is decoded nowhere here, else ""."""
    number = first_value(data, _COMPRESSION_TAG) if is_classic(data) else None
    if number is None or number in _COMPRESSIONS:
        return ""
    return f"a TIFF with {_UNKNOWN_COMPRESSIONS.get(number, f'compression {number}')}"


def _is_cut_box_file(data: bytes) -> bool:
    """By the boxes of ISO/IEC 14496-12: length, kind, and a longer length where that is 1."""
    at = 0
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if length == 1:
            length = int.from_bytes(data[at + 8 : at + 16], "big")
        if length < 8:
            return False  # 0: the box goes to the end of the file, wherever that is
        at += length
    return at > len(data)
