"""What a file is, by its content."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.recipe import COMMON_FORMATS, EXTRA_FORMATS, SELDOM_FORMATS
from pipeline.imaging.sniff import describe_other, sniff, sniff_head
from tests.imaging.drawing import encoded, quarters
from tests.imaging.samples import Sample, all_samples


@pytest.mark.parametrize("sample", all_samples(), ids=lambda sample: sample.name)
def test_every_sample_is_recognised(sample: Sample) -> None:
    assert sniff(sample.data) == sample.format


def test_every_decodable_format_has_a_sample_or_is_optional() -> None:
    assert {sample.format for sample in all_samples()} == COMMON_FORMATS
    assert not COMMON_FORMATS & SELDOM_FORMATS


@pytest.mark.parametrize(
    ("data", "name"),
    [(b"\xff\x0a", "JPEG XL"), (b"IIU\0", "RAW"), (b"<?xml?>\n<svg>", "SVG")],
)
def test_formats_of_further_packages_have_the_recipes_names(data: bytes, name: str) -> None:
    assert sniff(data) == name
    assert name in EXTRA_FORMATS


def tiff(*tags: tuple[int, int], order: str = "<") -> bytes:
    """A TIFF header with one directory of tags."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    entries = b"".join(struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in tags)
    return head + struct.pack(f"{order}H", len(tags)) + entries + bytes(4)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (tiff((0x100, 5)), "TIFF"),
        (tiff((0xFE, 1), (0x14A, 99), order=">"), "TIFF"),  # a pyramid
        (tiff((0xFE, 1), (0x10F, 9), (0x14A, 99)), "RAW"),
        (tiff((0xFE, 1), (0x10F, 9), (0x14A, 99), order=">"), "RAW"),
        (tiff((0xC612, 0x0401)), "RAW"),
        (b"II*\0\x10\0\0\0CR\2\0", "RAW"),
        (b"\0\0\0\x1cftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avif", "AVIF"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1", "HEIC"),
        (b"\0\0\0\x14ftypavis\0\0\0\0avis", "AVIF"),
        (b"\0\0\0\x18ftypavci\0\0\0\0mif2avci", "HEIF"),
        (b"FORM\0\0\0\x40ILBMBMHD", "ILBM"),
        (b"FORM\0\0\0\x40AIFFCOMM", None),
        (bytes(128) + b"DICM\2\0", "DICOM"),
        (b"\1\0\0\0\x6c" + bytes(35) + b" EMF\0\0\1\0", "EMF"),
        (b"/* icon */\n#define icon_width 16\n#define icon_height 16\n", "XBM"),
        (b"#define tab_width 8\n#define indent 4\n", None),
        (b"FLIF\x31\x31", "FLIF"),
        (b"\x97JB2\r\n\x1a\n\1", "JBIG2"),
        (b"farbfeld\0\0\0\1", "farbfeld"),
        (b"\0\0\0\x14ftypmp42\0\0\0\0isom", None),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "WebP"),
        (b"RIFF\x10\0\0\0WAVEfmt ", None),
        (b"BM" + bytes(12) + b"\x28\0\0\0", "BMP"),
        (b"BM, he wrote, was the best", None),
        (b"P5\n# made by hand\n", "PNM"),
        (b"\x01\xda\0\2", "SGI"),
        (b"\x01\xda\1\2", "SGI"),
        (b"Paris", None),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>", "SVG"),
        (b"<?xml version='1.0'?><s:svg xmlns:s='http://www.w3.org/2000/svg'>", "SVG"),
        (b"<mysvg><svgs></svgs></mysvg>", None),
        (b"<?xml version='1.0'?><!DOCTYPE svg PUBLIC '-//W3C//DTD SVG'>", "SVG"),
        (b"<html><body><svg></svg></body></html>", None),
        (b"\n\n%PDF-1.4", "PDF"),
        (b"\x00\x00\x01\x00\x01\x00", "ICO"),
        (b"\x0a\5\1\x08" + bytes(124), "PCX"),
        (b"\nline\n", None),
        (bytes(50) + b"TRUEVISION-XFILE.\0", "TGA"),
        (b"", None),
        (b"\xff", None),
        (b"II*\0", "TIFF"),
    ],
)
def test_by_content(data: bytes, name: str | None) -> None:
    assert sniff(data) == name


@given(st.binary(max_size=200))
def test_any_bytes_are_something_or_nothing(data: bytes) -> None:
    assert sniff(data) is None or isinstance(sniff(data), str)
    assert isinstance(describe_other(data), str)


@pytest.mark.parametrize("start", [b"II*\0", b"MM\0*", b"\0\0\xff\xffftyp", b"RIFF", b"BM"])
@given(data=st.binary(max_size=300))
def test_any_continuation_is_something_or_nothing(start: bytes, data: bytes) -> None:
    sniff(start + data)


def test_the_name_of_a_file_is_never_asked_for() -> None:
    assert sniff(encoded(quarters(), "WEBP")) == "WebP"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x7fELF", "program"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"\0\0\0\x14ftypmp42", "video"),
        (b"  <HTML>", "web page"),
        (b"hello", ""),
    ],
)
def test_other_things_are_described(data: bytes, words: str) -> None:
    assert words in describe_other(data)
    assert bool(describe_other(data)) == bool(words)


def test_documents_of_pages_have_rows() -> None:
    assert sniff_head(b"%!PS-Adobe-3.0 EPSF-3.0\n") == "PostScript"
    assert sniff_head(b"\xc5\xd0\xd3\xc6" + bytes(30)) == "PostScript"
    assert sniff_head(b"%!PS-Adobe-3.0\n") == "PostScript"
    assert sniff_head(b"%PDF-1.4") == "PDF"
    assert sniff_head(b"A file that begins with %PDF-1.4 is a PDF") is None


def test_portable_floats_are_images() -> None:
    assert sniff(b"Pf\n128 96\n-1.0\n") == "PNM"
    assert sniff(b"PF\n128 96\n-1.0\n") == "PFM in colour"
    assert sniff(b"Pfeffer") is None
