"""Completeness of a JPEG's scans, which libjpeg does not ask.

ITU-T T.81 annex B.2.3 (scan headers) and G (progressive: each scan brings some coefficients of
some components, to a number of bits).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.imaging.jpeg_header import JpegHeader

_EOI = b"\xff\xd9"
_SOS_OR_EOI = re.compile(rb"\xff[\xda\xd9]")  # a third of the time of bytes.find, for either
_COEFFICIENTS = 64


def missing_scans(header: JpegHeader, data: bytes) -> str:
    """Words for what no scan brings, "" when they bring every bit of every component."""
    progressive = "progressive" in header.process
    at = header.scans_at
    if not progressive and data[at + 4 : at + 5] == bytes((header.components,)):
        return ""  # one scan of everything: so are nearly all
    bits = {name: [_COEFFICIENTS] * _COEFFICIENTS for name in header.identifiers}
    for names, first, last, low in _scans(data, at):
        for name in names:
            if name in bits:
                bits[name][first : last + 1] = [low] * (last + 1 - first)
    return "a scan of it is missing" if any(any(of_one) for of_one in bits.values()) else ""


def _scans(data: bytes, start: int) -> Iterator[tuple[bytes, int, int, int]]:
    """Components, first and last coefficient and the bits that are still missing, of each scan up
    to the end of the picture.

    No other segment is walked through: two such bytes stand in coded data and in tables for
    nothing else, and what follows them is checked.
    """
    for marker in _SOS_OR_EOI.finditer(data, start):
        at = marker.start()
        if marker[0] == _EOI:
            return
        count = data[at + 4] if at + 5 <= len(data) else 0
        selectors = data[at + 5 : at + 5 + 2 * count]
        spectrum = data[at + 5 + 2 * count : at + 8 + 2 * count]
        if int.from_bytes(data[at + 2 : at + 4], "big") == 6 + 2 * count and len(spectrum) == 3:
            first, last, approximation = spectrum
            if first <= last < _COEFFICIENTS:
                yield selectors[::2], first, last, approximation & 15
