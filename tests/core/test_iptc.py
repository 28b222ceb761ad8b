from __future__ import annotations

import struct

from pipeline.core.iptc import iptc_in, iptc_values


def record(number: int, value: bytes, kind: int = 2) -> bytes:
    return struct.pack(">BBBH", 0x1C, kind, number, len(value)) + value


def test_headline_and_keywords_are_read_in_their_encoding() -> None:
    old = record(105, "Grün".encode("cp1252")) + record(25, b"a") + record(25, b"b ")
    assert iptc_values(old) == {"iptc.headline": "Grün", "iptc.keywords": "a, b"}
    new = record(90, b"\x1b%G", kind=1) + record(105, "Grün".encode())
    assert iptc_values(new) == {"iptc.headline": "Grün"}


def test_they_lie_among_the_resources_of_photoshop() -> None:
    records = record(105, b"Head")
    for name in (b"\0\0", b"\x03abc"):
        resource = b"8BIM\x04\x04" + name + struct.pack(">I", len(records)) + records
        assert iptc_values(iptc_in(b"junk" + resource + b"more")) == {"iptc.headline": "Head"}
    assert iptc_in(b"8BIM\x04\x04") == iptc_in(b"") == b""


def test_damage_ends_the_records() -> None:
    whole = record(105, b"Head") + record(25, b"word")
    for cut in range(len(whole)):
        iptc_values(whole[:cut])
    assert iptc_values(record(105, b"Head") + b"\x1c\x02\x19\xff\xff" + b"x") == {
        "iptc.headline": "Head"
    }
