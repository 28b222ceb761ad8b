"""Completeness of a file by its own structure, which the decoders do not look at."""

from __future__ import annotations

from pipeline.imaging.tiff import first_value, is_classic, is_cut_tiff

_COMPRESSION_TAG = 0x0103
# as libtiff's tiff.h numbers them; those that the libtiff in Pillow's wheels can decode
_COMPRESSIONS = frozenset(
    {1, 2, 3, 4, 5, 6, 7, 8, 32771, 32773, 32809, 32946, 34676, 34677, 34925, 50000}
)
_UNKNOWN_COMPRESSIONS = {
    33003: "JPEG 2000", 33005: "JPEG 2000", 34712: "JPEG 2000", 34892: "lossy raw data",
    50001: "WebP", 50002: "JPEG XL", 52546: "JPEG XL",
}  # fmt: skip


def is_cut_short(data: bytes, format: str) -> bool:
    """Tell whether a file that could not be decoded ends before the end that it announces."""
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
