"""A hash of what a picture shows, and how sharp it is."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter

from pipeline.core.near_duplicates import same_colours
from pipeline.core.recipe import Recipe
from pipeline.imaging.perceptual import (
    colours,
    dhash,
    hash_and_sharpness,
    levels,
    sharpness,
    sheet,
)
from pipeline.imaging.prepare import prepare_image
from pipeline.records import HASH_BYTES, Appearance, PreparedImage
from tests.imaging.drawing import LongSide, encoded, photo, quarters

RECIPE = Recipe(LongSide(128), perceptual_hash=True)


def hashed(image: Image.Image, format: str = "PNG", **options: object) -> PreparedImage:
    prepared = prepare_image(encoded(image, format, **options), RECIPE)
    assert isinstance(prepared, PreparedImage)
    assert prepared.perceptual_hash is not None
    return prepared


def distance(one: PreparedImage, other: PreparedImage) -> int:
    assert one.perceptual_hash is not None
    assert other.perceptual_hash is not None
    left, right = one.perceptual_hash[:HASH_BYTES], other.perceptual_hash[:HASH_BYTES]
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).bit_count()


def look_of(prepared: PreparedImage) -> Appearance:
    assert prepared.perceptual_hash is not None
    hash, shown = prepared.perceptual_hash[:HASH_BYTES], prepared.perceptual_hash[HASH_BYTES:43]
    return Appearance(hash, 4, 3, shown)


def smooth(seed: int) -> Image.Image:
    """A picture of a few soft blobs."""
    small = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((320, 240), Image.Resampling.BICUBIC)


def test_altered_copies_are_near_and_others_far() -> None:
    for seed in range(10):
        picture = smooth(seed)
        base = hashed(picture)
        for copy in (
            hashed(picture, "JPEG", quality=40),
            hashed(picture.resize((200, 150))),
            hashed(ImageEnhance.Brightness(picture).enhance(1.1)),
            hashed(picture.filter(ImageFilter.GaussianBlur(1))),
        ):
            assert distance(base, copy) <= 12
            assert same_colours(look_of(base), look_of(copy))
        assert distance(base, hashed(smooth(seed + 100))) > 30


def test_128_bits_of_two_gradients() -> None:
    ramp = Image.fromarray(np.tile(np.arange(0, 90, dtype=np.uint8), (90, 1)))
    assert dhash(levels(ramp)) == b"\xff" * 8 + bytes(8)
    assert dhash(levels(ramp.transpose(Image.Transpose.ROTATE_270))) == bytes(8) + b"\xff" * 8
    assert dhash(levels(Image.new("L", (50, 50), 7))) == bytes(16)


def test_sharper_is_more() -> None:
    sharp = photo(200, 150)
    figures = [
        sharpness(sharp.filter(ImageFilter.GaussianBlur(r)).convert("L")) for r in (0, 1, 2, 4)
    ]
    assert figures == sorted(figures, reverse=True)
    assert figures[0] > 2 * figures[-1]
    assert sharpness(Image.new("L", (2, 50))) == 0
    assert sharpness(Image.new("L", (50, 50), 9)) == 0


@pytest.mark.parametrize("size", [(3, 3), (5, 66), (80, 65), (33, 67), (60, 200)])
def test_sharpness_is_the_variance_of_the_whole(size: tuple[int, int]) -> None:
    levels = np.random.default_rng(size[1]).integers(0, 256, size[::-1], dtype=np.uint8)
    values = levels.astype(float)
    around = values[:-2, 1:-1] + values[2:, 1:-1] + values[1:-1, :-2] + values[1:-1, 2:]
    wanted = round(100 * float((4 * values[1:-1, 1:-1] - around).var()))
    assert sharpness(Image.fromarray(levels)) == wanted


def test_the_same_in_another_colour_is_no_copy() -> None:
    picture = smooth(3)
    base = hashed(picture)
    for other in (
        Image.merge("RGB", picture.split()[::-1]),
        Image.fromarray(255 - np.asarray(picture)),
        picture.convert("L").convert("RGB"),
    ):
        assert not same_colours(look_of(base), look_of(hashed(other)))
    flat = [hashed(Image.new("RGB", (90, 60), colour)) for colour in ("red", "blue", "white")]
    assert distance(flat[0], flat[1]) == 0  # gradients see no difference at all
    assert not same_colours(look_of(flat[0]), look_of(flat[1]))
    assert not same_colours(look_of(flat[1]), look_of(flat[2]))


def test_colours_of_nine_parts() -> None:
    grey = colours(Image.new("RGB", (50, 40), (9, 9, 9)))
    assert grey == bytes((9, 128, 128)) * 9
    assert len(colours(Image.new("RGB", (1, 1)))) == 27


def test_both_layouts_of_pixels_look_the_same() -> None:
    rgb = np.asarray(quarters())
    rgbx = np.concatenate((rgb, np.full((120, 160, 1), 77, np.uint8)), axis=2)
    grey = quarters().convert("L")
    wanted = (dhash(levels(grey)) + colours(quarters()) + sheet(grey), sharpness(grey))
    assert hash_and_sharpness(rgb) == wanted
    assert hash_and_sharpness(np.ascontiguousarray(rgbx)) == wanted
