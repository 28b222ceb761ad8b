"""What is merged as near duplicates, and what is not, at the default distance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from PIL import Image, ImageDraw

from pipeline.records import HASH_BYTES, Appearance
from tests.imaging.likeness import DISTANCE, AppearanceList, grouped, look_of, merged
from tests.imaging.structured import altered, sign, structured

SAMPLES = Path(__file__).parents[2] / "data/samples"


def _merged(images: list[Image.Image]) -> dict[int, tuple[int, int]]:
    return merged([look_of(image) for image in images])


def _pairs(originals: list[Image.Image]) -> tuple[int, int]:
    """Altered copies that are merged with their originals, and how many there are."""
    together = total = 0
    for image in originals:
        for _, copy in altered(image):
            total += 1
            together += len(_merged([image, copy]))
    return together, total


def test_no_two_structured_pictures_are_merged() -> None:
    assert _merged(list(structured())) == {}


def test_their_copies_are() -> None:
    together, total = _pairs(list(structured())[:250:10])
    assert together >= 0.9 * total


def test_one_digit_of_a_page_is_another_page() -> None:
    assert _merged([sign("Page 17"), sign("Page 11")]) == {}
    assert _merged([sign("ERROR 404"), sign("Sold out")]) == {}


def _photos() -> list[Image.Image]:
    """Photographs, and others: the same upside down."""
    photos = []
    for path in sorted(SAMPLES.glob("*.jpg")):
        with Image.open(path) as file:
            photos.append(file.convert("RGB"))
    return photos + [photo.rotate(180) for photo in photos]


def test_copies_of_photographs_are_merged_and_photographs_are_not() -> None:
    photos = _photos()
    assert len(photos) >= 12
    assert _merged(photos) == {}
    together, total = _pairs(photos)
    assert together >= 0.9 * total


@pytest.mark.parametrize("unknown", [None, 60])
def test_a_page_is_not_merged_with_what_cannot_be_compared(unknown: int | None) -> None:
    """What the last version hashed has no grid, and photographs have none."""
    page, grid = look_of(sign("Welcome"))
    other = Appearance(page.hash, page.width, page.height, page.colours, unknown)
    details = {0: grid, 1: b"" if unknown is None else bytes((unknown,))}
    assert grouped(AppearanceList([page, other]), DISTANCE, details.__getitem__) == {}
    photo = replace(page, hash=b"\x5a" * HASH_BYTES, flat_share=50)
    again = replace(photo, flat_share=unknown)
    assert grouped(AppearanceList([photo, again]), DISTANCE) == {1: (0, 0)}


def _sky(seed: int) -> Image.Image:
    """A picture that only grows lighter to a side, with something small in it."""
    chance = np.random.default_rng(seed)
    low, high = chance.integers(20, 110, 3), chance.integers(140, 250, 3)
    down, right = np.mgrid[0:360, 0:480] / 400
    share = (down + 0.2 * right)[..., None] / 1.3
    image = Image.fromarray((low + (high - low) * share).clip(0, 255).astype(np.uint8))
    left, top = (int(at) for at in chance.integers(60, 280, 2))
    ImageDraw.Draw(image).ellipse((left, top, left + 50, top + 25), fill=(15, 15, 15))
    return image


def test_skies_are_not_merged_for_growing_lighter_to_the_same_side() -> None:
    assert _merged([_sky(seed) for seed in range(60)]) == {}


def test_copies_of_a_sky_of_another_size_or_compression_are() -> None:
    together = total = 0
    for seed in range(12):
        sky = _sky(seed)
        for kind, copy in altered(sky):
            if kind.startswith(("quality", "scaled")):
                total += 1
                together += len(_merged([sky, copy]))
    assert together >= 0.9 * total


def _shore(seed: int) -> Image.Image:
    """A dusk whose light grows downwards, with noise, over a line of other trees each time."""
    chance = np.random.default_rng(seed)
    slope = np.broadcast_to(np.linspace(225, 170, 360)[:, None], (360, 480))
    levels = slope + np.linspace(0, 4, 480) + chance.normal(0, 1, (360, 480))
    heights = np.repeat(chance.integers(0, 40, 40), 12)
    trees = np.arange(360)[:, None] > 350 - heights
    levels[trees] = 40
    return Image.fromarray(levels.clip(0, 255).astype(np.uint8)).convert("RGB")


def test_dusks_over_other_shores_are_not_merged() -> None:
    shores = [_shore(seed) for seed in range(30)]
    assert _merged(shores) == {}
    together, total = _pairs(shores[:4])
    assert together >= 0.5 * total, "those that were not cropped or turned"
