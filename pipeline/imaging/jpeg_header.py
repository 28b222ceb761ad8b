"""Header of a JPEG, read from its markers: the size, the upright turn, and what else it carries.

ITU-T T.81 annex B (markers), CIPA DC-008 (Exif), ICC.1 annex B.4 (profiles in APP2),
Adobe Technical Note 5116 (APP14).
"""

from __future__ import annotations

import re

from msgspec import Struct

from pipeline.imaging.decoder import Refusal
from pipeline.imaging.tiff import first_value

_SOF_PROCESSES = {
    0xC0: "baseline",
    0xC1: "extended",
    0xC2: "progressive",
    0xC3: "lossless",
    0xC5: "differential",
    0xC6: "differential progressive",
    0xC7: "differential lossless",
    0xC9: "arithmetic",
    0xCA: "arithmetic progressive",
    0xCB: "arithmetic lossless",
    0xCD: "arithmetic differential",
    0xCE: "arithmetic differential progressive",
    0xCF: "arithmetic differential lossless",
    0xF7: "JPEG-LS",
}
_SOS, _EOI, _COM = 0xDA, 0xD9, 0xFE
_TABLES = frozenset({0xC4, 0xDB, 0xDD})  # DHT, DQT, DRI
_APP0, _APP1, _APP2, _APP14, _APP15 = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF
# no length follows: stuffed and fill bytes, TEM, RST0-7, SOI and EOI
_STANDALONE = frozenset({0x00, 0xFF, 0x01, *range(0xD0, 0xD9), _EOI})
_ICC_SIGNATURE = b"ICC_PROFILE\0"
_EXIF_SIGNATURE = b"Exif\0"
_XMP_SIGNATURE = b"http://ns.adobe.com/xap/1.0/\0"
_JFIF, _ADOBE = b"JFIF\0", b"Adobe"
_PLAIN_JFIF = bytes((0xFF, _APP0, 0, 16)) + _JFIF + bytes((1, 1, 0, 0, 1, 0, 1, 0, 0))
_ORIENTATION_TAG = 0x0112
_XMP_ORIENTATION = re.compile(rb"tiff:Orientation(?:=[\"']|>)([1-8])[\"'<]")


class JpegHeader(Struct, frozen=True):
    """Facts in the markers before the first scan.

    Attributes:
        width, height: pixels as stored, before any turning.
        components: 1 grey, 3 colour, 4 CMYK or YCCK.
        process: coding process, e.g. "baseline", "progressive".
        precision: bits a sample.
        orientation: 1 to 8, by EXIF or else by XMP; 1 when absent or nonsense.
        oriented: one of them says so.
        identifiers: of the components.
        scans_at: where the first scan's header begins.
        icc: the colour profile, None when absent or incomplete.
        clean: nothing but JFIF and Adobe segments: no EXIF, XMP, profile, comment, thumbnail.
    """

    width: int
    height: int
    components: int
    process: str
    precision: int
    orientation: int
    oriented: bool
    icc: bytes | None
    clean: bool
    identifiers: bytes = b""
    scans_at: int = 0


class _Gathered(Struct):
    frame: tuple[int, bytes] | None = None  # SOF marker and its segment
    orientation: int = 0
    xmp_orientation: int = 0
    icc_parts: dict[int, bytes] | None = None
    icc_count: int = 0
    clean: bool = True


def read_header(data: bytes) -> JpegHeader:
    """Read the markers up to the first scan.

    Raises:
        Refusal: `truncated` when the header ends early, `damaged` when it makes no sense.
    """
    markers = _Gathered()
    position = 2
    while True:
        marker, start, end = _next_segment(data, position)
        if marker == _SOS:
            break
        if marker not in _TABLES:
            _take(markers, marker, data[start:end])
        position = end
    if markers.frame is None:
        raise Refusal("damaged", "no frame header before the first scan")
    return _header(markers, start - 4)


def tidied(data: bytes) -> bytes:
    """Same picture with nothing between its segments and with plain ones only.

    For files with stray bytes in their header, which libjpeg skips with the warning that it also
    gives for damaged pixels.

    Raises:
        Refusal: as `read_header`.
    """
    parts, position, marker = [data[:2]], 2, 0
    while marker != _SOS:
        marker, start, position = _next_segment(data, position)
        if marker == _APP0:
            parts += [_PLAIN_JFIF] if data.startswith(_JFIF, start) else []
        elif marker == _APP14:
            parts += [data[start - 4 : position]] if data.startswith(_ADOBE, start) else []
        elif not (_APP1 <= marker <= _APP15 or marker == _COM):
            parts.append(data[start - 4 : position])
    return b"".join((*parts, data[position:]))


def has_odd_tables(data: bytes) -> bool:
    """Tell of stray bytes right behind a table or the frame header: it was longer, or came to hold
    a byte too many, and so gives other numbers than its writer meant.

    Raises:
        Refusal: as `read_header`.
    """
    position, marker, odd = 2, 0, False
    while marker != _SOS:
        before = marker
        marker, start, end = _next_segment(data, position)
        stray = data[position : start - 4].strip(b"\xff")
        odd |= bool(stray) and (before in _TABLES or before in _SOF_PROCESSES)
        position = end
    return odd


def with_usual_parameters(data: bytes) -> bytes:
    """Same picture with the parameters of its Adobe segment and of its one scan that libjpeg
    takes for unusual ones anyway, so that it has nothing left to warn of but damage.

    Raises:
        Refusal: as `read_header`.
    """
    parts, position, marker = [data[:2]], 2, 0
    while marker != _SOS:
        marker, start, position = _next_segment(data, position)
        segment = data[start - 4 : position]
        if marker == _APP14 and data.startswith(_ADOBE, start) and len(segment) >= 16:
            segment = segment[:15] + b"\0" + segment[16:]
        elif marker == _SOS:
            segment = segment[:-3] + bytes((0, 63, 0))
        parts.append(segment)
    return b"".join((*parts, data[position:]))


def _next_segment(data: bytes, position: int) -> tuple[int, int, int]:
    """Next marker from `position` on, and where its payload starts and ends."""
    while True:
        position = data.find(b"\xff", position)
        if position < 0 or position + 4 > len(data):
            raise Refusal("truncated", "it ends inside the JPEG header")
        marker = data[position + 1]
        if marker in _STANDALONE:
            if marker == _EOI:
                raise Refusal("damaged", "the JPEG holds no picture")
            position += 1
            continue
        length = data[position + 2] << 8 | data[position + 3]
        if length < 2:
            raise Refusal("damaged", "a JPEG segment has an impossible length")
        end = position + 2 + length
        if end > len(data):
            raise Refusal("truncated", "it ends inside the JPEG header")
        return marker, position + 4, end


def _take(markers: _Gathered, marker: int, payload: bytes) -> None:
    if marker in _SOF_PROCESSES:
        if markers.frame is None:
            markers.frame = (marker, payload)
    elif marker == _APP0:
        # a JFIF segment longer than 14 bytes carries a thumbnail; so does JFXX
        markers.clean &= payload.startswith(_JFIF) and len(payload) == 14
    elif marker == _APP14:
        markers.clean &= payload.startswith(_ADOBE) and len(payload) == 12
    elif _APP1 <= marker <= _APP15 or marker == _COM:
        markers.clean = False
        if marker == _APP1 and payload.startswith(_EXIF_SIGNATURE) and not markers.orientation:
            markers.orientation = exif_orientation(payload[6:])
        elif marker == _APP1 and payload.startswith(_XMP_SIGNATURE):
            markers.xmp_orientation = xmp_orientation(payload)
        elif marker == _APP2 and payload.startswith(_ICC_SIGNATURE) and len(payload) > 14:
            markers.icc_parts = markers.icc_parts or {}
            markers.icc_parts.setdefault(payload[12], payload[14:])
            markers.icc_count = payload[13]


def _header(markers: _Gathered, scans_at: int) -> JpegHeader:
    assert markers.frame is not None
    marker, payload = markers.frame
    if len(payload) < 6:
        raise Refusal("damaged", "the JPEG frame header is too short")
    return JpegHeader(
        width=int.from_bytes(payload[3:5], "big"),
        height=int.from_bytes(payload[1:3], "big"),
        components=payload[5],
        process=_SOF_PROCESSES[marker],
        precision=payload[0],
        orientation=markers.orientation or markers.xmp_orientation or 1,
        oriented=bool(markers.orientation or markers.xmp_orientation),
        icc=_whole_profile(markers),
        clean=markers.clean,
        identifiers=payload[6 : 6 + 3 * payload[5] : 3],
        scans_at=scans_at,
    )


def _whole_profile(markers: _Gathered) -> bytes | None:
    """Profile from its numbered parts; None when one is missing."""
    parts = markers.icc_parts
    if not parts:
        return None
    numbers = range(1, markers.icc_count + 1)
    if not markers.icc_count or any(number not in parts for number in numbers):
        return None
    return b"".join(parts[number] for number in numbers)


def exif_orientation(tiff: bytes) -> int:
    """Orientation (1 to 8) from an EXIF block that starts at its TIFF header; 0 when absent."""
    if tiff[:2] not in (b"II", b"MM") or len(tiff) < 14:
        return 0
    value = first_value(tiff, _ORIENTATION_TAG) or 0
    return value if value <= 8 else 0


def xmp_orientation(packet: bytes) -> int:
    """Orientation (1 to 8) that an XMP packet gives; 0 when it gives none."""
    match = _XMP_ORIENTATION.search(packet)
    return int(match[1]) if match else 0
