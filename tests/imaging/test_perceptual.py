"""A hash of what a picture shows, and how sharp it is."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from pipeline.core.recipe import Recipe
from pipeline.imaging import prepare
from pipeline.imaging.perceptual import dhash, grey_of, sharpness
from pipeline.records import PreparedImage
from tests.imaging.drawing import LongSide, encoded, photo, quarters

RECIPE = Recipe(LongSide(128), perceptual_hash=True)


def hashed(image: Image.Image, format: str = "PNG", **options: object) -> PreparedImage:
    prepared = prepare(encoded(image, format, **options), RECIPE)
    assert isinstance(prepared, PreparedImage)
    assert prepared.perceptual_hash is not None
    return prepared


def distance(one: PreparedImage, other: PreparedImage) -> int:
    assert one.perceptual_hash is not None
    assert other.perceptual_hash is not None
    bits = int.from_bytes(one.perceptual_hash, "big") ^ int.from_bytes(other.perceptual_hash, "big")
    return bits.bit_count()


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
        assert distance(base, hashed(smooth(seed + 100))) > 30


def test_128_bits_of_two_gradients() -> None:
    ramp = Image.fromarray(np.tile(np.arange(0, 90, dtype=np.uint8), (90, 1)))
    assert dhash(ramp) == b"\xff" * 8 + bytes(8)
    assert dhash(ramp.transpose(Image.Transpose.ROTATE_270)) == bytes(8) + b"\xff" * 8
    assert dhash(Image.new("L", (50, 50), 7)) == bytes(16)


def test_sharper_is_more() -> None:
    sharp = photo(200, 150)
    figures = [
        sharpness(sharp.filter(ImageFilter.GaussianBlur(r)).convert("L")) for r in (0, 1, 2, 4)
    ]
    assert figures == sorted(figures, reverse=True)
    assert figures[0] > 2 * figures[-1]
    assert sharpness(Image.new("L", (2, 50))) == 0
    assert sharpness(Image.new("L", (50, 50), 9)) == 0


def test_grey_of_both_layouts() -> None:
    rgb = np.asarray(quarters())
    rgbx = np.concatenate((rgb, np.full((120, 160, 1), 77, np.uint8)), axis=2)
    wanted = np.asarray(quarters().convert("L"))
    assert np.array_equal(np.asarray(grey_of(rgb)), wanted)
    assert np.array_equal(np.asarray(grey_of(np.ascontiguousarray(rgbx))), wanted)
