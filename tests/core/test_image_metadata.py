from __future__ import annotations

import pytest

from pipeline.core.image_metadata import METADATA_NAMES, named_metadata, picture_metadata
from pipeline.errors import UsageError

PACKET = (
    b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF "
    b"xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description "
    b"xmlns:photoshop='http://ns.adobe.com/photoshop/1.0/' photoshop:City='Graz' "
    b"xmlns:dc='http://purl.org/dc/elements/1.1/'><dc:subject><rdf:Bag><rdf:li>a</rdf:li>"
    b"<rdf:li>b</rdf:li></rdf:Bag></dc:subject></rdf:Description></rdf:RDF></x:xmpmeta>"
)


def test_names_are_those_of_the_prompts_that_are_metadata() -> None:
    prompts = ["{exif.date} {title} {folder}", "{{iptc.city}} {iptc.headline} {exif.date}"]
    assert named_metadata(prompts) == ("exif.date", "folder", "iptc.headline")
    assert named_metadata(prompts, ("folder",)) == ("exif.date", "iptc.headline")
    assert named_metadata(["Describe."]) == ()


def test_a_name_that_is_never_sent_is_refused() -> None:
    with pytest.raises(UsageError, match=r"did you mean \{exif\.date\}"):
        named_metadata(["{exif.dat}"])
    assert named_metadata(["{exif.serial}"], ("exif.serial",)) == ()
    assert "exif.gps" in METADATA_NAMES


def test_only_what_is_named_is_given_and_no_longer_than_its_bound() -> None:
    names = ("xmp.city", "xmp.keywords")
    assert picture_metadata(names, PACKET, lambda _at, _size: b"") == {
        "xmp.city": "Graz",
        "xmp.keywords": "a, b",
    }
    long = PACKET.replace(b"Graz", b"x" * 3_000)
    assert len(picture_metadata(("xmp.city",), long, lambda _at, _size: b"")["xmp.city"]) == 2_000
    assert picture_metadata(("exif.date",), PACKET, lambda _at, _size: b"") == {}
