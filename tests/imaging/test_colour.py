"""Colours as every screen shows them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageCms

from pipeline.core.recipe import Recipe
from pipeline.imaging.colour import over_background, pixels_to_srgb, to_srgb
from pipeline.imaging.prepare import prepare_image
from pipeline.records import PreparedImage
from tests.imaging import builders
from tests.imaging.drawing import Colour, LongSide, encoded, shown

# XYZ at D50 of the primaries, as their profiles have them
P3 = ((0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407))
ADOBE = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.7141))
SRGB_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
RECIPE = Recipe(LongSide(64), quality=100, subsampling="444")


def expected(colour: Colour, primaries: tuple[tuple[float, ...], ...], gamma: float) -> Colour:
    """`colour` in sRGB, computed from the definitions."""
    linear = (np.array(colour) / 255) ** gamma
    xyz = linear @ np.array(primaries)
    srgb = np.clip(xyz @ np.linalg.inv(np.array(SRGB)), 0, 1)
    curved = np.where(srgb <= 0.0031308, 12.92 * srgb, 1.055 * srgb ** (1 / 2.4) - 0.055)
    red, green, blue = (round(255 * v) for v in curved)
    return red, green, blue


def middle(data: bytes, flags: tuple[str, ...], recipe: Recipe = RECIPE) -> Colour:
    prepared = prepare_image(data, recipe)
    assert isinstance(prepared, PreparedImage), prepared
    assert prepared.flags == flags
    image = shown(prepared)
    colour = image.getpixel((image.width // 2, image.height // 2))
    assert isinstance(colour, tuple)
    return colour  # type: ignore[return-value]


def near(one: Colour, other: Colour, tolerance: int = 4) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize(("primaries", "gamma"), [(P3, 2.2), (ADOBE, 2.2), (SRGB, 1.0)])
@pytest.mark.parametrize("colour", [(180, 120, 60), (60, 140, 180), (128, 128, 128)])
def test_profiles_are_converted(
    format: str, primaries: tuple[tuple[float, ...], ...], gamma: float, colour: Colour
) -> None:
    options = {"lossless": True} if format == "WEBP" else {"quality": 100}
    if format in ("JPEG", "AVIF"):
        options["subsampling"] = "4:4:4"
    if format in ("PNG", "TIFF"):
        options = {}
    profile = builders.rgb_profile(primaries, gamma)
    data = encoded(Image.new("RGB", (64, 64), colour), format, icc_profile=profile, **options)
    found = middle(data, ("icc_converted",))
    assert near(found, expected(colour, primaries, gamma))
    assert not near(found, colour) or colour == (128, 128, 128)


def test_srgb_profiles_cost_nothing() -> None:
    for profile in (SRGB_PROFILE, builders.rgb_profile(SRGB, 2.2)):
        data = encoded(Image.new("RGB", (64, 64), (180, 120, 60)), "JPEG", icc_profile=profile)
        assert near(
            middle(data, () if profile is SRGB_PROFILE else ("icc_converted",)), (180, 120, 60)
        )


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_grey_profiles(format: str) -> None:
    profile = builders.grey_profile(1.0)
    data = encoded(Image.new("L", (64, 64), 64), format, icc_profile=profile)
    grey = expected((64, 64, 64), SRGB, 1.0)
    assert near(middle(data, ("icc_converted",)), grey)


@pytest.mark.parametrize(
    "profile",
    [b"nonsense", builders.rgb_profile(P3, 2.2)[:200], builders.cmyk_profile(), bytes(500)],
    ids=["nonsense", "cut", "of inks", "zeros"],
)
@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_profiles_that_do_not_fit_are_ignored(format: str, profile: bytes) -> None:
    data = encoded(Image.new("RGB", (64, 64), (180, 120, 60)), format, icc_profile=profile)
    assert near(middle(data, ("icc_ignored",)), (180, 120, 60))


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_ink_profiles(format: str, swap: bool) -> None:
    profile = builders.cmyk_profile(swap)
    data = encoded(Image.new("CMYK", (64, 64), (255, 0, 0, 0)), format, icc_profile=profile)
    red, _, blue = middle(data, ("icc_converted",))
    assert (red > blue) == swap


def test_profiles_and_transparency() -> None:
    image = Image.new("RGBA", (64, 64), (180, 120, 60, 0))
    image.paste((180, 120, 60, 255), (0, 0, 64, 48))
    data = encoded(image, "PNG", icc_profile=builders.rgb_profile(ADOBE, 2.2))
    prepared = prepare_image(data, RECIPE)
    assert isinstance(prepared, PreparedImage)
    picture = shown(prepared)
    assert near(picture.getpixel((32, 20)), expected((180, 120, 60), ADOBE, 2.2))  # type: ignore[arg-type]
    assert near(picture.getpixel((32, 60)), (255, 255, 255))  # type: ignore[arg-type]


def test_a_palette_has_a_profile_too() -> None:
    image = Image.new("RGB", (64, 64), (180, 120, 60)).quantize(2)
    data = encoded(image, "PNG", icc_profile=builders.rgb_profile(ADOBE, 2.2))
    assert near(middle(data, ("icc_converted",)), expected((180, 120, 60), ADOBE, 2.2))


def test_functions_leave_what_needs_nothing() -> None:
    image = Image.new("RGB", (5, 5), (1, 2, 3))
    assert to_srgb(image, None) == (image, ())
    pixels = np.zeros((5, 5, 4), np.uint8)
    assert pixels_to_srgb(pixels, None, grey=False) == (pixels, ())
    clear = Image.new("RGBA", (5, 5), (9, 9, 9, 0))
    assert over_background(clear, (1, 2, 3)).getpixel((2, 2)) == (1, 2, 3)
