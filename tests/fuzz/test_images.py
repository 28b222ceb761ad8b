"""Mutated images: each ends as a right picture or as a reason, and never as an exception.

2,000 in the suite, 50,000 by `make fuzz`. Byte-exact: the number of a case gives its bytes.
"""

from __future__ import annotations

import random
import warnings

import pytest

from pipeline.core.reasons import PREPARATION
from pipeline.core.recipe import Recipe
from pipeline.imaging.prepare import prepare_image
from pipeline.records import PreparedImage, RejectedImage
from tests.imaging.drawing import LongSide, encoded, photo, shown
from tests.imaging.samples import Sample, all_samples

REJECTING = Recipe(LongSide(64), perceptual_hash=True)
ACCEPTING = Recipe(LongSide(200), on_damage="accept", pass_through=True)
BATCH = 500


def _bases() -> list[Sample]:
    photos = [
        Sample(f"photo {quality} {progressive}", "JPEG", encoded(
            photo(300, 200), "JPEG", quality=quality, progressive=progressive))
        for quality in (50, 90) for progressive in (False, True)
    ]  # fmt: skip
    return all_samples() + photos


BASES = _bases()


def mutated(case: int) -> tuple[Sample, bytes]:
    """The `case`-th damaged file, and what it was made from."""
    chance = random.Random(case)
    base = chance.choice(BASES)
    data = bytearray(base.data)
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        _harm(data, chance)
    return base, bytes(data)


def _harm(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data)) if data else 0
    kind = chance.choice(("cut", "flip", "burst", "insert", "zero", "drop", "header", "number"))
    if kind == "cut":
        del data[at:]
    elif kind == "burst":
        data[at : at + 8] = chance.randbytes(len(data[at : at + 8]))
    elif kind == "insert":
        data[at:at] = chance.randbytes(chance.randrange(1, 9))
    elif kind == "zero":
        data[at : at + 16] = bytes(len(data[at : at + 16]))
    elif kind == "drop":
        del data[at : at + chance.randrange(1, 20)]
    elif kind == "number":
        extreme = chance.choice((b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\x80"))
        data[at : at + 4] = extreme[: len(data[at : at + 4])]
    elif data:
        at = at % 64 if kind == "header" else at
        data[at % len(data)] ^= 1 << chance.randrange(8)


def check(case: int) -> None:
    """One case under two recipes."""
    base, data = mutated(case)
    for recipe in (REJECTING, ACCEPTING):
        prepared = prepare_image(data, recipe)
        where = f"case {case}, {base.name}: {prepared}"
        if isinstance(prepared, PreparedImage):
            size = (prepared.width, prepared.height)
            assert shown(prepared).size == size, where
            assert recipe.size.choose(prepared.source_width, prepared.source_height) == size, where
        else:
            assert isinstance(prepared, RejectedImage), where
            assert prepared.rejection.code in set(PREPARATION) - {"internal", "crashed"}, where
            assert prepared.rejection.detail.startswith(
                PREPARATION[prepared.rejection.code].words
            ), where


@pytest.mark.parametrize("batch", range(4))
def test_mutated_images(batch: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for case in range(batch * BATCH, (batch + 1) * BATCH):
            check(case)


@pytest.mark.long
@pytest.mark.parametrize("batch", range(4, 100))
def test_many_more_mutated_images(batch: int) -> None:
    test_mutated_images(batch)


def test_cases_are_the_same_every_time() -> None:
    assert [mutated(case) for case in range(50)] == [mutated(case) for case in range(50)]
    assert len({data for _, data in map(mutated, range(500))}) > 490
