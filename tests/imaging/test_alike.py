"""What is merged as near duplicates, and what is not, at the default distance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.core.near_duplicates import group
from pipeline.imaging.perceptual import hash_and_sharpness
from pipeline.records import COLOUR_BYTES, HASH_BYTES, Appearance
from tests.imaging.structured import altered, sign, structured

SAMPLES = Path(__file__).parents[2] / "data/samples"
DISTANCE = 16
_GRID = HASH_BYTES + COLOUR_BYTES


def _look(image: Image.Image) -> tuple[Appearance, bytes]:
    """Appearance and grid of a picture as it would be sent."""
    small = image.copy()
    small.thumbnail((512, 512), Image.Resampling.LANCZOS)
    hash, sharpness = hash_and_sharpness(np.asarray(small))
    pixels = image.width * image.height
    parts = hash[:HASH_BYTES], hash[HASH_BYTES:_GRID], hash[_GRID:]
    look = Appearance(parts[0], False, pixels, sharpness, *small.size, parts[1], parts[2][0])
    return look, parts[2]


def _merged(images: list[Image.Image]) -> dict[int, tuple[int, int]]:
    looks = [_look(image) for image in images]
    return group([look for look, _ in looks], DISTANCE, lambda place: looks[place][1])


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
    page, grid = _look(sign("Welcome"))
    other = Appearance(page.hash, True, 1, 1, page.width, page.height, page.colours, unknown)
    details = {0: grid, 1: b"" if unknown is None else bytes((unknown,))}
    assert group([page, other], DISTANCE, details.__getitem__) == {}
    photo = Appearance(page.hash, False, 1, 1, page.width, page.height, page.colours, 50)
    assert group([photo, other], DISTANCE, lambda _: b"") == {0: (1, 0)}
