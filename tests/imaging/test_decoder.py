"""What every decoder gives."""

from __future__ import annotations

import pickle

import pytest

from pipeline.core.reasons import PREPARATION
from pipeline.core.recipe import Recipe
from pipeline.imaging.decoder import Decoder, Refusal
from pipeline.imaging.jpeg import JpegDecoder
from pipeline.imaging.raster import RasterDecoder
from tests.imaging.drawing import LongSide, encoded, quarters

RECIPE = Recipe(LongSide(64))


@pytest.mark.parametrize("size", [(160, 120), (80, 60), (33, 17)])
def test_both_decoders_give_what_they_are_asked_for(size: tuple[int, int]) -> None:
    decoders: list[Decoder] = [
        JpegDecoder(encoded(quarters(), "JPEG"), RECIPE),
        RasterDecoder(encoded(quarters(), "PNG"), "PNG", RECIPE),
        RasterDecoder(encoded(quarters(), "JPEG"), "JPEG", RECIPE),
    ]
    for decoder in decoders:
        assert (decoder.width, decoder.height, decoder.orientation) == (160, 120, 1)
        picture = decoder.render(*size)
        assert picture.pixels.shape[:2] == (size[1], size[0])
        assert picture.pixels.shape[2] in (3, 4)
        assert picture.flags == ()


def test_a_refusal_carries_its_code() -> None:
    refusal = pickle.loads(pickle.dumps(Refusal("truncated", "why")))
    assert (refusal.code, refusal.detail) == ("truncated", "why")
    assert refusal.code in PREPARATION
