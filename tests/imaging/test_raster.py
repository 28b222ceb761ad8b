"""Everything but JPEG."""

from __future__ import annotations

import struct
import warnings

import pytest
from PIL import Image, ImageFile

from pipeline.core.recipe import ImageLimits, Recipe
from pipeline.imaging.decoder import Refusal
from pipeline.imaging.prepare import prepare_image
from pipeline.imaging.raster import RasterDecoder
from pipeline.records import PreparedImage, RejectedImage
from tests.imaging.drawing import LongSide, encoded, photo, quarters, shown
from tests.imaging.samples import all_samples

RECIPE = Recipe(LongSide(96))
ACCEPTING = Recipe(LongSide(96), on_damage="accept")


@pytest.mark.parametrize("format", ["PNG", "GIF", "BMP"])
def test_what_is_there_of_a_cut_file_can_be_accepted(format: str) -> None:
    data = encoded(photo(), format)
    cut = data[: len(data) * 2 // 3]
    rejected = prepare_image(cut, RECIPE)
    assert isinstance(rejected, RejectedImage)
    assert rejected.rejection.code == "truncated"
    accepted = prepare_image(cut, ACCEPTING)
    assert isinstance(accepted, PreparedImage)
    length = ("length_differs",) if format == "BMP" else ()
    assert accepted.flags == ("truncated_accepted", *length)
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


def test_pillows_own_pixel_limit_neither_decides_nor_warns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for format in ("PNG", "WEBP", "GIF", "BMP", "TIFF"):
            prepared = prepare_image(encoded(quarters(40, 30), format), RECIPE)
            assert isinstance(prepared, PreparedImage), format
    capped = Recipe(LongSide(96), caps=ImageLimits(max_pixels=1000))
    rejected = prepare_image(encoded(quarters(40, 30), "PNG"), capped)
    assert isinstance(rejected, RejectedImage)
    assert rejected.rejection.code == "too_many_pixels"


def test_only_the_parser_of_the_format_sees_the_bytes() -> None:
    with pytest.raises(Refusal) as refusal:
        RasterDecoder(encoded(quarters(), "GIF"), "PNG", RECIPE)
    assert refusal.value.code == "damaged"


def test_no_warning_leaks() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for sample in all_samples():
            for share in (0.2, 0.5, 0.8):
                prepare_image(sample.data[: int(len(sample.data) * share)], ACCEPTING)


def test_details_name_no_addresses() -> None:
    for sample in all_samples():
        rejected = prepare_image(sample.data[: len(sample.data) // 3], RECIPE)
        if isinstance(rejected, RejectedImage):
            assert " at 0x" not in rejected.rejection.detail
            assert "BytesIO" not in rejected.rejection.detail


def test_a_first_frame_smaller_than_its_canvas_lies_on_the_background() -> None:
    part = bytearray(encoded(quarters(40, 30), "GIF"))
    part[6:10] = (80).to_bytes(2, "little") + (60).to_bytes(2, "little")
    at = part.index(b",", 13)
    assert part[at + 5 : at + 9] == b"\x28\0\x1e\0"
    part[at + 1 : at + 5] = b"\x0a\0\x05\0"
    prepared = prepare_image(bytes(part), Recipe(LongSide(96), quality=95, subsampling="444"))
    assert isinstance(prepared, PreparedImage)
    picture = shown(prepared)
    assert picture.size == (80, 60)
    assert "partial_frame" in prepared.flags
    assert min(picture.getpixel((4, 2))) > 250
    assert min(picture.getpixel((75, 55))) > 250
    assert picture.getpixel((15, 10))[0] > 180 > 90 > picture.getpixel((15, 10))[1]


def test_an_alpha_of_nothing_in_a_bitmap_is_no_alpha() -> None:
    masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    header = struct.pack("<IiiHHIIiiII4I", 108, 40, 30, 1, 32, 3, 4800, 0, 0, 0, 0, *masks)
    pixels = bytes((20, 20, 220, 0)) * 1200
    data = b"BM" + struct.pack("<IHHI", 122 + 4800, 0, 0, 122) + header + bytes(52) + pixels
    prepared = prepare_image(data, RECIPE)
    assert isinstance(prepared, PreparedImage)
    assert prepared.flags == ("alpha_ignored",)
    assert shown(prepared).getpixel((5, 5))[0] > 180
