"""A JPEG's header, read from its markers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline.imaging.decoder import Refusal
from pipeline.imaging.jpeg_header import exif_orientation, read_header, tidied, xmp_orientation
from tests.imaging import builders
from tests.imaging.drawing import encoded, photo, quarters

PLAIN = encoded(quarters(), "JPEG")


def test_what_a_header_says() -> None:
    header = read_header(PLAIN)
    assert (header.width, header.height) == (160, 120)
    assert (header.components, header.precision, header.process) == (3, 8, "baseline")
    assert (header.orientation, header.icc, header.clean) == (1, None, True)


@pytest.mark.parametrize(
    ("mode", "options", "components", "process"),
    [
        ("L", {}, 1, "baseline"),
        ("RGB", {"progressive": True}, 3, "progressive"),
        ("CMYK", {}, 4, "baseline"),
    ],
)
def test_kinds(mode: str, options: dict[str, object], components: int, process: str) -> None:
    header = read_header(encoded(photo().convert(mode), "JPEG", **options))
    assert (header.components, header.process) == (components, process)


@pytest.mark.parametrize(
    "segment",
    [
        builders.jpeg_segment(0xFE, b"a comment"),
        builders.jpeg_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>"),
        builders.jpeg_segment(0xED, b"Photoshop 3.0\0"),
        builders.jpeg_segment(0xE0, b"JFXX\0\x10" + bytes(30)),
        builders.jpeg_segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\2\2" + bytes(12)),
        builders.jpeg_segment(0xEE, b"Something else"),
    ],
)
def test_what_else_a_file_carries_makes_it_unclean(segment: bytes) -> None:
    header = read_header(builders.with_segments(PLAIN, segment))
    assert not header.clean
    assert (header.width, header.orientation) == (160, 1)


@pytest.mark.parametrize(("orientation", "oriented"), [(0, False), (1, True), (6, True)])
def test_whether_anything_says_which_way_is_up(orientation: int, oriented: bool) -> None:
    exif = builders.jpeg_segment(0xE1, b"Exif\0\0" + builders.exif(orientation))
    assert read_header(builders.with_segments(PLAIN, exif)).oriented is oriented
    assert not read_header(PLAIN).oriented


def test_profiles_in_parts() -> None:
    profile = bytes(range(256)) * 600  # 153,600 bytes: three segments
    header = read_header(encoded(photo(), "JPEG", icc_profile=profile))
    assert header.icc == profile


def test_incomplete_profiles_are_none() -> None:
    part = builders.jpeg_segment(0xE2, b"ICC_PROFILE\0\1\2half of it")
    assert read_header(builders.with_segments(PLAIN, part)).icc is None
    none = builders.jpeg_segment(0xE2, b"ICC_PROFILE\0\1\0nothing")
    assert read_header(builders.with_segments(PLAIN, none)).icc is None


def test_the_first_exif_block_with_an_orientation_counts() -> None:
    blocks = [builders.jpeg_segment(0xE1, b"Exif\0\0" + builders.exif(n)) for n in (6, 3)]
    assert read_header(builders.with_segments(PLAIN, *blocks)).orientation == 6


@pytest.mark.parametrize("order", ["MM", "II"])
@pytest.mark.parametrize("value", range(1, 9))
def test_orientations(order: str, value: int) -> None:
    assert exif_orientation(builders.exif(value, order)) == value


@given(st.binary(max_size=300))
def test_any_exif_block_gives_an_orientation_or_none(block: bytes) -> None:
    assert exif_orientation(b"MM\0*" + block) in range(9)
    assert exif_orientation(block) in range(9)


def test_pillow_agrees_on_orientation() -> None:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif[0x0112] = 8
    data = encoded(photo(), "JPEG", exif=exif.tobytes())
    assert read_header(data).orientation == 8


@pytest.mark.parametrize(
    ("packet", "orientation"),
    [
        (b'<rdf:Description tiff:Orientation="6"/>', 6),
        (b"<rdf:Description tiff:Orientation='3'/>", 3),
        (b"<tiff:Orientation>8</tiff:Orientation>", 8),
        (b"<tiff:Orientation>9</tiff:Orientation>", 0),
        (b"", 0),
    ],
)
def test_xmp_says_which_way_is_up_when_exif_does_not(packet: bytes, orientation: int) -> None:
    assert xmp_orientation(packet) == orientation
    xmp = builders.jpeg_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet)
    exif = builders.jpeg_segment(0xE1, b"Exif\0\0" + builders.exif(2))
    assert read_header(builders.with_segments(PLAIN, xmp)).orientation == (orientation or 1)
    assert read_header(builders.with_segments(PLAIN, xmp, exif)).orientation == 2


def test_tidied_files_hold_the_picture_only() -> None:
    odd = builders.with_segments(PLAIN, b"stray", builders.jpeg_segment(0xFE, b"a comment"))
    assert tidied(odd) == tidied(PLAIN) == PLAIN
    inks = encoded(photo().convert("CMYK"), "JPEG", icc_profile=b"x" * 99)
    assert read_header(tidied(inks)).clean
    assert b"Adobe" in tidied(inks)


@pytest.mark.parametrize("length", range(3, PLAIN.index(b"\xff\xda") + 3))
def test_headers_that_end_early(length: int) -> None:
    with pytest.raises(Refusal) as refusal:
        read_header(PLAIN[:length])
    assert refusal.value.code == "truncated"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xff\xd8\xff\xd9\xff\xff\xff\xff", "no picture"),
        (b"\xff\xd8\xff\xe0\0\1aaaaaaaa", "impossible length"),
        (b"\xff\xd8\xff\xda\0\2aaaaaaaa", "no frame header"),
        (b"\xff\xd8\xff\xc0\0\4aa\xff\xda\0\2aaa", "too short"),
    ],
)
def test_headers_that_make_no_sense(data: bytes, words: str) -> None:
    with pytest.raises(Refusal, match=words) as refusal:
        read_header(data)
    assert refusal.value.code == "damaged"


@given(st.binary(max_size=400))
def test_any_bytes_give_a_header_or_a_refusal(data: bytes) -> None:
    try:
        read_header(b"\xff\xd8\xff" + data)
    except Refusal as refusal:
        code = refusal.code
    else:
        code = "damaged"
    assert code in ("truncated", "damaged")
