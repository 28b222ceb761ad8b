"""Our limits decide how large an image may be, and not a library's."""

from __future__ import annotations

import pytest
from PIL import Image

from pipeline.core.recipe import ImageLimits, Recipe
from pipeline.imaging.pillow_limit import our_limit_decides
from pipeline.imaging.prepare import prepare_image
from pipeline.records import PreparedImage, RejectedImage
from tests.imaging.drawing import LongSide, encoded, quarters


def test_it_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with our_limit_decides():
        with our_limit_decides():
            assert Image.MAX_IMAGE_PIXELS is None
        assert Image.MAX_IMAGE_PIXELS is None
    assert Image.MAX_IMAGE_PIXELS == 1000
    with pytest.raises(ZeroDivisionError), our_limit_decides():
        raise ZeroDivisionError
    assert Image.MAX_IMAGE_PIXELS == 1000


@pytest.mark.parametrize("format", ["TIFF", "WEBP", "GIF", "BMP", "PNG", "AVIF"])
@pytest.mark.parametrize("share", [2, 30])
def test_beyond_the_limit_of_pillow(
    format: str, share: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Just beyond it Pillow warns, far beyond it refuses."""
    data = encoded(quarters(), format)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 160 * 120 // share)
    assert isinstance(prepare_image(data, Recipe(LongSide(96))), PreparedImage)
    few = Recipe(LongSide(96), caps=ImageLimits(max_pixels=160 * 120 - 1))
    rejected = prepare_image(data, few)
    assert isinstance(rejected, RejectedImage)
    assert rejected.rejection.code == "too_many_pixels"
    assert "160 x 120" in rejected.rejection.detail
