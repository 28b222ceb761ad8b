"""Files without their metadata, their pictures untouched: where a photo was taken stays at home.

JPEG, PNG and WebP are rewritten block by block, never decoded. Orientation and colour profile
stay, since they are part of how the picture looks.
"""

from __future__ import annotations

import struct
import zlib

from pipeline.imaging.decoder import Refusal
from pipeline.imaging.jpeg_header import exif_orientation, read_header
from pipeline.imaging.sniff import sniff

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_CHUNKS = frozenset(
    {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB"}
) | {
    *(b"iCCP", b"sBIT", b"bKGD", b"pHYs", b"cICP", b"mDCV", b"cLLI"),
    *(b"acTL", b"fcTL", b"fdAT"),
}
_WEBP_CHUNKS = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ICCP", b"ANIM", b"ANMF"})
_WEBP_EXIF, _WEBP_XMP = 0x08, 0x04
_ORIENTATION = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0%c\0\0\0\0\0\0\0"
"""TIFF header with one entry, the orientation, as EXIF has it."""
_SCAN, _END = 0xDA, 0xD9


class NotStripped(Exception):
    """Refusal of a file whose metadata cannot be taken out without decoding it."""


def strip_metadata(data: bytes) -> bytes:
    """Copy a file without EXIF, XMP, IPTC, comments and whatever else is no picture.

    Raises:
        NotStripped: another format, or a file that is not as its format says.
    """
    kind = sniff(data)
    strip = {"JPEG": _jpeg, "PNG": _png, "WebP": _webp}.get(kind or "")
    if strip is None:
        raise NotStripped(f"the metadata of a {kind or 'file of this kind'} cannot be taken out")
    try:
        return strip(data)
    except (IndexError, struct.error, ValueError, Refusal):
        raise NotStripped(f"this {kind} is not built as its format says") from None


def _jpeg(data: bytes) -> bytes:
    parts, orientation = [data[:2]], read_header(data).orientation
    if orientation != 1:
        exif = b"Exif\0\0" + _ORIENTATION % orientation
        parts.append(b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif)
    at = 2
    while True:
        if data[at] != 0xFF:
            raise ValueError("no marker")
        marker = data[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == _SCAN:
            return b"".join((*parts, _without_trailer(data[at:])))
        if end > len(data) or end < at + 4:
            raise ValueError("a segment is cut off")
        if _shapes_picture(marker, data[at + 4 : end]):
            parts.append(data[at:end])
        at = end


def _shapes_picture(marker: int, payload: bytes) -> bool:
    """Recognise segments that a decoder needs: no application's data but JFIF's, a profile's,
    and Adobe's word for the colours."""
    if 0xE0 <= marker <= 0xEF:
        return payload.startswith((b"JFIF\0", b"ICC_PROFILE\0")) or (
            marker == 0xEE and payload.startswith(b"Adobe")
        )
    return marker != 0xFE


def _without_trailer(scans: bytes) -> bytes:
    """Scans up to the end of the picture: phones put further pictures and films behind it."""
    at = 0
    while (at := scans.find(b"\xff", at)) >= 0 and at + 1 < len(scans):
        marker = scans[at + 1]
        if marker == _END:
            return scans[: at + 2]
        if marker == 0 or marker == 0xFF or 0xD0 <= marker <= 0xD7:
            at += 1 if marker == 0xFF else 2
            continue
        length = int.from_bytes(scans[at + 2 : at + 4], "big")
        if 0xE0 <= marker <= 0xEF or marker == 0xFE:
            raise ValueError("metadata between scans")
        at += 2 + length
    return scans


def _png(data: bytes) -> bytes:
    parts, at = [_PNG], len(_PNG)
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, end = data[at + 4 : at + 8], at + 12 + length
        if end > len(data):
            raise ValueError("a chunk is cut off")
        if kind in _PNG_CHUNKS:
            parts.append(data[at:end])
        if kind == b"eXIf" and (orientation := exif_orientation(data[at + 8 : end - 4])) > 1:
            chunk = b"eXIf" + _ORIENTATION % orientation
            check = struct.pack(">I", zlib.crc32(chunk))
            parts.append(struct.pack(">I", len(chunk) - 4) + chunk + check)
        if kind == b"IEND":
            break
        at = end
    return b"".join(parts)


def _webp(data: bytes) -> bytes:
    parts, at, orientation = [], 12, 1
    while at + 8 <= len(data):
        kind = data[at : at + 4]
        (length,) = struct.unpack_from("<I", data, at + 4)
        if at + 8 + length > len(data):
            raise ValueError("a chunk is cut off")
        payload = data[at + 8 : at + 8 + length]
        if kind == b"EXIF":
            orientation = exif_orientation(payload.removeprefix(b"Exif\0\0")) or 1
        if kind in _WEBP_CHUNKS:
            parts.append((kind, payload))
        at += 8 + length + length % 2
    if orientation > 1:
        parts.append((b"EXIF", _ORIENTATION % orientation))
    body = b"WEBP" + b"".join(_webp_chunk(*part, turned=orientation > 1) for part in parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _webp_chunk(kind: bytes, payload: bytes, *, turned: bool) -> bytes:
    if kind == b"VP8X":
        flags = payload[0] & ~(_WEBP_EXIF | _WEBP_XMP) | (_WEBP_EXIF if turned else 0)
        payload = bytes((flags,)) + payload[1:]
    return kind + struct.pack("<I", len(payload)) + payload + b"\0" * (len(payload) % 2)
