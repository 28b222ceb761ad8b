"""Shrinking and turning."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageOps

from pipeline.imaging.resize import shrink_four, shrink_image, turn
from tests.imaging.drawing import photo


@pytest.mark.parametrize("size", [(80, 60), (33, 25), (159, 119), (1, 1), (160, 7)])
def test_shrinking_agrees_with_pillow(size: tuple[int, int]) -> None:
    picture = photo()
    wanted = np.asarray(picture.resize(size, Image.Resampling.LANCZOS)).astype(int)
    made = np.asarray(shrink_image(picture, size)).astype(int)
    assert np.abs(made - wanted).max() <= 2
    four = np.asarray(picture.convert("RGBX"))
    small = shrink_four(np.ascontiguousarray(four), size)
    assert small.shape == (size[1], size[0], 4)
    assert np.abs(small[..., :3].astype(int) - wanted).max() <= 2


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "CMYK"])
def test_every_plain_mode(mode: str) -> None:
    small = shrink_image(photo().convert(mode), (40, 30))
    assert (small.mode, small.size) == (mode, (40, 30))


def test_the_same_size_is_the_same_picture() -> None:
    picture = photo()
    assert shrink_image(picture, picture.size) is picture
    four = np.zeros((4, 5, 4), np.uint8)
    assert shrink_four(four, (5, 4)) is four


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turning_agrees_with_pillow(orientation: int) -> None:
    picture = photo(20, 10)
    exif = picture.getexif()
    exif[0x0112] = orientation
    wanted = ImageOps.exif_transpose(picture)
    turned = turn(np.asarray(picture), orientation)
    assert turned.flags.c_contiguous
    assert np.array_equal(turned, np.asarray(wanted))


def test_a_resizer_that_is_used_again_gives_what_a_new_one_gives() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (90, 120, 4), dtype=np.uint8)
    first = shrink_four(pixels, (40, 30))
    shrink_four(pixels[:50, :60].copy(), (7, 11))
    assert np.array_equal(shrink_four(pixels, (40, 30)), first)
