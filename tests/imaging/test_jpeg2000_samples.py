"""Colours of JPEG 2000 of more than eight bits, and of halved resolution."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline.core.recipe import DEFAULT_FORMATS, EXTRA_FORMATS, Recipe
from pipeline.imaging.jpeg2000_samples import is_read_wrongly
from pipeline.imaging.prepare import prepare_image
from pipeline.records import PreparedImage, RejectedImage
from tests.imaging.drawing import LongSide, distance, encoded, photo

SIZE = LongSide(200)
WITH = Recipe(SIZE, quality=100, subsampling="444", formats=DEFAULT_FORMATS | EXTRA_FORMATS)
WITHOUT = Recipe(SIZE, quality=100, subsampling="444")


@pytest.fixture
def codecs() -> Any:
    return pytest.importorskip("imagecodecs")


def _with_white_and_black() -> Image.Image:
    image = photo(61, 33)
    image.paste((255, 255, 255), (10, 5, 25, 20))
    image.paste((0, 0, 0), (30, 5, 45, 20))
    return image


@pytest.mark.parametrize("bits", [16, 12, 10])
@pytest.mark.parametrize("channels", [3, 4])
def test_white_stays_white(codecs: Any, bits: int, channels: int) -> None:
    """Pillow makes 65,535 of red, green or blue a 0."""
    image = _with_white_and_black()
    alpha = np.full((33, 61, 1), 255)
    samples = np.concatenate((np.asarray(image), alpha), axis=2)[..., :channels]
    deep = np.round(samples * ((2**bits - 1) / 255)).astype(np.uint16)
    data = codecs.jpeg2k_encode(deep, bitspersample=bits, reversible=True)
    assert is_read_wrongly(data)
    prepared = prepare_image(data, WITH)
    assert distance(prepared, image) < 1.5
    assert isinstance(prepared, PreparedImage)
    assert prepared.flags == ()
    without = prepare_image(data, WITHOUT)
    assert isinstance(without, RejectedImage)
    assert without.rejection.code == "unsupported_format"
    assert "captionmill[formats]" in without.rejection.detail


def test_without_white_and_black_nothing_is_in_doubt(codecs: Any) -> None:
    image = photo(61, 33).point(lambda level: min(max(level, 5), 240))
    data = codecs.jpeg2k_encode(np.asarray(image).astype(np.uint16) * 257, reversible=True)
    assert distance(prepare_image(data, WITHOUT), image) < 1.5


def test_what_is_cut_is_refused(codecs: Any) -> None:
    deep = np.asarray(_with_white_and_black()).astype(np.uint16) * 257
    data = codecs.jpeg2k_encode(deep, reversible=True)
    for end in range(60, len(data), 97):
        assert isinstance(prepare_image(data[:end], WITH), RejectedImage), end


def test_eight_bits_are_left_to_pillow() -> None:
    assert not is_read_wrongly(encoded(photo(61, 33), "JPEG2000"))
    assert not is_read_wrongly(b"")
