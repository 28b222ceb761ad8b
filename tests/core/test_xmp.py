from __future__ import annotations

import pytest

from pipeline.core.xmp import XmpTexts, packet_in, xmp_text

_RDF = "xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'"
_DC = "xmlns:dc='http://purl.org/dc/elements/1.1/'"


def packet(properties: str, attributes: str = "") -> bytes:
    return (
        f"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF {_RDF}><rdf:Description {_DC} "
        "xmlns:Iptc4xmpCore='http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/' "
        f"{attributes}>{properties}</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def alternatives(name: str, **texts: str) -> str:
    items = "".join(
        f"<rdf:li xml:lang='{lang.replace('_', '-')}'>{text}</rdf:li>"
        for lang, text in texts.items()
    )
    return f"<{name}><rdf:Alt>{items}</rdf:Alt></{name}>"


def test_the_default_language_counts() -> None:
    both = alternatives("dc:description", de="eine Katze", x_default="a cat")
    assert xmp_text(packet(both)) == "a cat"
    assert xmp_text(packet(alternatives("dc:description", de="eine Katze"))) == "eine Katze"


def test_other_ways_to_write_it() -> None:
    assert xmp_text(packet("", "dc:description='a cat'")) == "a cat"
    assert xmp_text(packet("<dc:description>a cat</dc:description>")) == "a cat"
    alt = alternatives("Iptc4xmpCore:AltTextAccessibility", x_default="a cat, alt")
    assert xmp_text(packet(alt)) == "a cat, alt"
    assert xmp_text(packet(alt + alternatives("dc:description", x_default="a cat"))) == "a cat"


@pytest.mark.parametrize(
    "text",
    ["OLYMPUS DIGITAL CAMERA", "SONY DSC", "DCIM\\100MEDIA\\DJI_0001.JPG", "default", " ", "DAV"],
)
def test_what_a_camera_writes_is_no_text(text: str) -> None:
    assert xmp_text(packet(alternatives("dc:description", x_default=text))) == ""


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no xml",
        b"<a>",
        packet(""),
        b"<!DOCTYPE a [<!ENTITY b 'c'>]>" + packet("<dc:description>&b;</dc:description>"),
        b"<?xml version='1.0' encoding='none-such'?><a/>",
    ],
)
def test_what_is_no_xmp_has_no_text(data: bytes) -> None:
    assert xmp_text(data) == ""


def test_a_packet_is_found_in_any_file() -> None:
    inside = packet(alternatives("dc:description", x_default="a cat"))
    assert packet_in(b"\xff\xd8\0binary" + inside + b"\0more</x:xmpmeta>") == inside
    assert packet_in(b"<x:xmpmeta cut off") is None


@pytest.mark.parametrize(
    "text", ["a cat", "<&> \"'", "two\nlines", "a\rb", "\U0001f431 é", "\0\ud800"]
)
def test_what_is_written_is_read(text: str) -> None:
    shown = text.replace("\r", "\n").replace("\0", "\ufffd").replace("\ud800", "\ufffd")
    assert xmp_text(XmpTexts(text, ("a", "<b>"), "alt").packet()) == shown
