"""Colours by a PNG's own exponent and primaries; the figures are those of Chromium 156."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from PIL import ImageCms

from pipeline.core.recipe import Recipe
from pipeline.imaging.png_colours import other_primaries
from pipeline.imaging.prepare import prepare_image
from pipeline.records import PreparedImage
from tests.imaging import builders
from tests.imaging.drawing import Colour, LongSide, shown

RECIPE = Recipe(LongSide(64), quality=100, subsampling="444")
COLOUR = (60, 180, 70)
SRGB = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
ADOBE = (0.3127, 0.329, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
P3 = (0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
PROFILE = b"sRGB\0\0" + zlib.compress(
    ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
)
BROKEN_PROFILE = b"none\0\0" + zlib.compress(b"none" * 50)

Chunks = list[tuple[bytes, bytes]]


def gamma(value: int) -> tuple[bytes, bytes]:
    return b"gAMA", value.to_bytes(4, "big")


def primaries(numbers: tuple[float, ...]) -> tuple[bytes, bytes]:
    return b"cHRM", b"".join(round(100_000 * one).to_bytes(4, "big") for one in numbers)


def middle(chunks: Chunks, colour: Colour = COLOUR) -> tuple[Colour, tuple[str, ...]]:
    """Colour that is sent of a PNG of one colour, and the flags."""
    pixels = np.full((64, 64, 3), colour, np.uint8)
    pixels[:8] = 0  # or it would be flat
    prepared = prepare_image(builders.png(pixels, 2, 8, chunks), RECIPE)
    assert isinstance(prepared, PreparedImage)
    return shown(prepared).getpixel((32, 40)), prepared.flags  # type: ignore[return-value]


def near(one: Colour, other: Colour, tolerance: int = 3) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(
    ("chunks", "wanted", "flags"),
    [
        ([], COLOUR, ()),
        ([gamma(100_000)], (133, 219, 143), ("gamma_converted",)),
        ([gamma(45_455)], COLOUR, ()),
        ([gamma(0), primaries(P3)], COLOUR, ()),
        ([gamma(45_455), primaries(SRGB)], COLOUR, ()),
        ([gamma(45_455), primaries(ADOBE)], (0, 181, 57), ("colours_converted",)),
        ([gamma(45_455), primaries(P3)], (0, 185, 45), ("colours_converted",)),
        (
            [gamma(55_556), primaries(ADOBE)],
            (0, 193, 79),
            ("gamma_converted", "colours_converted"),
        ),
        ([primaries(ADOBE)], COLOUR, ()),
        ([(b"sRGB", b"\0"), gamma(100_000), primaries(ADOBE)], COLOUR, ()),
        ([(b"iCCP", PROFILE), gamma(100_000), primaries(P3)], COLOUR, ()),
        (
            [(b"iCCP", BROKEN_PROFILE), gamma(100_000)],
            (133, 219, 143),
            ("icc_ignored", "gamma_converted"),
        ),
    ],
)
def test_a_browser_shows_the_same(chunks: Chunks, wanted: Colour, flags: tuple[str, ...]) -> None:
    colour, said = middle(chunks)
    assert near(colour, wanted)
    assert said == flags


def test_an_exponent_that_would_leave_nothing_to_see_does_not_count() -> None:
    assert middle([gamma(1), primaries(P3)]) == (COLOUR, ())


@pytest.mark.parametrize(
    "numbers",
    [
        None,
        ADOBE[:6],
        (0.0,) * 8,
        (*ADOBE[:2], *ADOBE[2:4] * 3),  # three of one
        (0.7, 0.25, *ADOBE[2:]),  # a white outside
    ],
)
def test_what_no_primaries_can_be_is_none(numbers: object) -> None:
    assert other_primaries(numbers) is None
    assert other_primaries(ADOBE) == ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06), (0.3127, 0.329))
