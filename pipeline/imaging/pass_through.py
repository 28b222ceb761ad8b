"""JPEGs that can be sent as they are: upright, plain, and with nothing else in the file.

That it is small enough is the size policy's answer; that it is sound is found by decoding it,
which `JpegDecoder.check` does: what saves the encoder's work must not let damage through.
"""

from __future__ import annotations

import re

from pipeline.core.recipe import Recipe
from pipeline.imaging.jpeg_header import JpegHeader

_PROCESSES = frozenset({"baseline", "extended", "progressive"})
_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")
_EOI = 0xD9
_PICTURE_SEGMENTS = frozenset({0xC4, 0xDA, 0xDB, 0xDD})  # DHT, SOS, DQT, DRI


def may_pass(header: JpegHeader, data: bytes, recipe: Recipe) -> bool:
    """Tell whether these bytes may be sent as they are, provided that they decode without error."""
    return (
        recipe.pass_through
        and header.clean
        and header.orientation == 1
        and header.process in _PROCESSES
        and header.precision == 8
        and header.components in (1, 3)
        and _only_picture_follows(data)
    )


def _only_picture_follows(data: bytes) -> bool:
    """Tell whether the file ends with its picture and no scan hides another kind of segment."""
    position = data.find(b"\xff\xda")
    while position >= 0:
        match = _MARKER.search(data, position)
        if match is None:
            return False
        marker, position = match[1][0], match.end()
        if marker == _EOI:
            return position == len(data)
        if marker not in _PICTURE_SEGMENTS:
            return False
        position += int.from_bytes(data[position : position + 2], "big")
    return False
