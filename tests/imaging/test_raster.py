"""Everything but JPEG."""

from __future__ import annotations

import warnings

import pytest
from PIL import Image, ImageFile

from pipeline.core.recipe import ImageLimits, Recipe
from pipeline.imaging.decoder import Refusal
from pipeline.imaging.prepare import prepare_image
from pipeline.imaging.raster import RasterDecoder, _plugin
from pipeline.records import PreparedImage, RejectedImage
from tests.imaging.drawing import LongSide, encoded, photo, quarters
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
    assert accepted.flags == ("truncated_accepted",)
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


def test_decoders_use_one_thread() -> None:
    import pillow_heif
    from PIL import AvifImagePlugin

    _plugin("AVIF")
    _plugin("HEIC")
    assert AvifImagePlugin.DEFAULT_MAX_THREADS == 1
    assert pillow_heif.options.DECODE_THREADS == 1


def test_details_name_no_addresses() -> None:
    for sample in all_samples():
        rejected = prepare_image(sample.data[: len(sample.data) // 3], RECIPE)
        if isinstance(rejected, RejectedImage):
            assert " at 0x" not in rejected.rejection.detail
            assert "BytesIO" not in rejected.rejection.detail
