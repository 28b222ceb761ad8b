"""IPTC-IIM of a picture: headline, keywords and the like, from Photoshop's resources or a tag."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_FIELDS = {
    "iptc.title": 5, "iptc.keywords": 25, "iptc.date": 55, "iptc.byline": 80, "iptc.city": 90,
    "iptc.state": 95, "iptc.country": 101, "iptc.headline": 105, "iptc.credit": 110,
    "iptc.copyright": 116, "iptc.caption": 120,
}  # fmt: skip
_UTF_8 = b"\x1b%G"
_RESOURCE = b"8BIM\x04\x04"

NAMES = tuple(_FIELDS)
"""What a prompt may name."""


def iptc_in(data: bytes) -> bytes:
    """Records among Photoshop's resources in a file's bytes, b"" for none."""
    at = data.find(_RESOURCE)
    if at < 0 or at + 7 > len(data):
        return b""
    start = at + 6 + (1 + data[at + 6] + 1) // 2 * 2  # a name, padded to an even length
    if start + 4 > len(data):
        return b""
    (size,) = struct.unpack(">I", data[start : start + 4])
    return data[start + 4 : start + 4 + size]


def iptc_values(records: bytes) -> dict[str, str]:
    """Texts of the names that have one; keywords are joined by commas."""
    sets = list(_records(records))
    utf_8 = any(kind == (1, 90) and value.startswith(_UTF_8) for kind, value in sets)
    values: dict[str, list[str]] = {}
    for name, number in _FIELDS.items():
        texts = [_text(value, utf_8) for kind, value in sets if kind == (2, number)]
        values[name] = [text for text in texts if text]
    return {
        name: ", ".join(texts) if name == "iptc.keywords" else texts[0]
        for name, texts in values.items()
        if texts
    }


def _records(data: bytes) -> Iterator[tuple[tuple[int, int], bytes]]:
    """((record, number), value) of each data set; ends at the first that is none."""
    at = 0
    while at + 5 <= len(data) and data[at] == 0x1C:
        record, number, size = struct.unpack(">BBH", data[at + 1 : at + 5])
        at += 5
        if size & 0x8000 or at + size > len(data):  # longer ones are no texts
            return
        yield (record, number), data[at : at + size]
        at += size


def _text(value: bytes, utf_8: bool) -> str:
    value = value.rstrip(b"\0 ")
    try:
        return value.decode().strip()
    except UnicodeDecodeError:
        # records that do not say their character set are older programs', of the system's
        return value.decode("utf-8" if utf_8 else "cp1252", "replace").strip()
