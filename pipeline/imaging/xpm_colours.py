"""Colours of XPM as X11 reads them (XParseColor): by name, and with one to four digits for each of
red, green and blue. Pillow knows those of two digits.
"""

from __future__ import annotations

import re

from PIL import ImageColor

from pipeline.imaging.decoder import Refusal

_VALUES = re.compile(rb'"\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)[^"]*"')
_STRING = re.compile(rb'"([^"]*)"')
_KEYS = frozenset({b"c", b"m", b"g", b"g4", b"s"})
_EXTENSION = b"XPMEXT"
_MOST_COLOURS = 1 << 16
_HEX = re.compile(rb"#([0-9a-fA-F]+)\Z")
_GREY = re.compile(r"gr[ae]y(\d{1,3})\Z")
_DIGITS = frozenset({3, 6, 9, 12})


def with_plain_colours(data: bytes) -> bytes:
    """File whose colours have six digits each, or are `None`, on lines without comments between.

    Raises:
        Refusal: `damaged` for a colour of another number of digits or for other rows than it says,
            `unsupported_format` for a name that is unknown.
    """
    values = _VALUES.search(data)
    if values is None or int(values[3]) > _MOST_COLOURS:
        return data
    lines, end = [], values.end()
    strings = _STRING.finditer(data, end)
    for _, line in zip(range(int(values[3])), strings, strict=False):
        key = line[1][: int(values[4])]
        colour = _colour(line[1][len(key) :].split())
        if colour is None:
            return data
        lines.append(b'"' + key + b" c " + colour + b'",\n')
        end = line.end()
    _check_rows(data[end:], int(values[1]) * int(values[4]), int(values[2]))
    pixels = data[end:].lstrip(b", \t\r\n")
    return data[: values.end()] + b",\n" + b"".join(lines) + pixels


def _check_rows(data: bytes, length: int, count: int) -> None:
    """Refuse rows that are not as many and as long as the file says; Pillow reads on for them in
    whatever follows."""
    rows = [row[1] for row in _STRING.finditer(data)]
    extensions = next((at for at, row in enumerate(rows) if row.startswith(_EXTENSION)), len(rows))
    rows = rows[:extensions]
    if any(len(row) != length for row in rows[:count]) or len(rows) > count:
        raise Refusal("damaged", "its rows are of other lengths or numbers than it says")


def _colour(words: list[bytes]) -> bytes | None:
    """Colour for screens with colours of what a line says, None where it gives none."""
    if b"c" not in words:
        return None
    start = words.index(b"c") + 1
    end = next((at for at in range(start + 1, len(words)) if words[at] in _KEYS), len(words))
    name = b"".join(words[start:end])
    if name.lower() == b"none":
        return b"None"
    if digits := _HEX.match(name):
        return _of_digits(digits[1])
    return _of_name(name.decode("ascii", "replace").lower())


def _of_digits(digits: bytes) -> bytes:
    if len(digits) not in _DIGITS:
        raise Refusal("damaged", f"its colour #{digits.decode('ascii')} has {len(digits)} digits")
    each = len(digits) // 3
    parts = (digits[at : at + each] for at in (0, each, 2 * each))
    # X11 takes the digits for the highest bits, GIMP and browsers for a share: #fff is white
    return b"#" + b"".join((part * 2)[:2] for part in parts)


def _of_name(name: str) -> bytes:
    if grey := _GREY.match(name):
        return b"#" + b"%02x" % round(int(grey[1]) * 2.55) * 3
    try:
        red, green, blue = ImageColor.getrgb(name)[:3]
    except ValueError:
        raise Refusal("unsupported_format", f"a colour by the name {name!r}") from None
    return b"#%02x%02x%02x" % (red, green, blue)
