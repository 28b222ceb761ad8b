"""Nothing that preparation left without anything to see counts as the picture."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from pipeline.core.recipe import DEFAULT_FORMATS, EXTRA_FORMATS, Recipe
from pipeline.imaging.flat import contrasting_background, has_levels, identity_of_blank, is_flat
from pipeline.imaging.prepare import prepare_image
from pipeline.records import PreparedImage
from tests.imaging.drawing import LongSide, encoded, photo, shown

RECIPE = Recipe(LongSide(96), formats=DEFAULT_FORMATS | EXTRA_FORMATS)
DARK = Recipe(LongSide(96), background=(0, 0, 0))


def _drawing(box: tuple[int, int, int, int], colour: tuple[int, int, int]) -> Image.Image:
    image = Image.new("RGBA", (300, 200), (*colour, 0))
    ImageDraw.Draw(image).rectangle(box, fill=(*colour, 255))
    return image


def _prepared(data: bytes, recipe: Recipe = RECIPE) -> PreparedImage:
    prepared = prepare_image(data, recipe)
    assert isinstance(prepared, PreparedImage)
    return prepared


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
@pytest.mark.parametrize(("colour", "recipe"), [((255,) * 3, RECIPE), ((0,) * 3, DARK)])
def test_a_drawing_in_the_colour_of_the_background_shows(
    format: str, colour: tuple[int, int, int], recipe: Recipe
) -> None:
    import tests.imaging.samples  # noqa: F401 (registers HEIC)

    one = _prepared(encoded(_drawing((20, 80, 280, 120), colour), format), recipe)
    other = _prepared(encoded(_drawing((100, 50, 200, 150), colour), format), recipe)
    assert one.content_id != other.content_id
    assert "contrasting_background" in one.flags
    inside, outside = shown(one).getpixel((48, 32)), shown(one).getpixel((48, 8))
    assert abs(inside[0] - colour[0]) < 12
    assert abs(outside[0] - colour[0]) > 240


def test_a_white_svg_shows() -> None:
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="90" height="60">%s</svg>'
    drawn = _prepared(svg % b'<rect x="30" y="20" width="30" height="20" fill="#fff"/>')
    assert "contrasting_background" in drawn.flags
    assert shown(drawn).getpixel((45, 30))[0] > 240
    assert shown(drawn).getpixel((5, 5))[0] < 16


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP"])
def test_the_first_frame_that_shows_something(format: str) -> None:
    frames = [Image.new("RGB", (60, 40)), Image.new("RGB", (60, 40), (2, 2, 2)), photo(60, 40)]
    data = encoded(frames[0], format, save_all=True, append_images=frames[1:], duration=50)
    prepared = _prepared(data)
    assert prepared.flags[0].startswith("frame_")
    assert has_levels(np.asarray(shown(prepared)))


def test_what_shows_nothing_is_blank_and_merges_with_nothing() -> None:
    pages = [_prepared(encoded(_page(at), "PNG")) for at in (10, 500)]
    assert [page.flags for page in pages] == [("blank",), ("blank",)]
    assert pages[0].content_id != pages[1].content_id
    assert pages[0] == _prepared(encoded(_page(10), "PNG"))


def _page(at: int) -> Image.Image:
    page = Image.new("L", (2000, 1500), 255)
    page.putpixel((at, 700), 0)
    return page


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF", "TIFF"])
def test_a_flat_source_is_just_that(format: str) -> None:
    """Two files of one white page are one picture, and no flag says that it is none."""
    one = _prepared(encoded(Image.new("RGB", (160, 120), (255,) * 3), format))
    other = _prepared(encoded(Image.new("RGB", (160, 120), (255,) * 3), format) + b"\0")
    assert one.flags == ()
    assert other.flags in ((), ("length_differs",))
    assert one.content_id == other.content_id


def test_nothing_visible_at_all_is_blank() -> None:
    image = photo().convert("RGBA")
    image.putalpha(0)
    assert _prepared(encoded(image, "PNG")).flags == ("blank",)


def test_the_contrast_is_that_of_what_is_visible() -> None:
    assert contrasting_background(_drawing((0, 0, 99, 99), (250, 250, 250))) == (0, 0, 0)
    assert contrasting_background(_drawing((0, 0, 99, 99), (20, 20, 20))) == (255, 255, 255)
    assert contrasting_background(Image.new("RGBA", (3, 3), (9, 9, 9, 0))) is None


def test_a_large_file_is_not_looked_at() -> None:
    assert not is_flat(np.zeros((10, 10, 3), np.uint8), bytes(5000))
    assert is_flat(np.zeros((10, 10, 3), np.uint8), bytes(500))


def test_blank_pictures_are_told_apart_by_their_sources_and_sent_unmarked() -> None:
    data = encoded(photo(), "JPEG")
    one, other = bytes(32), bytes(31) + b"\1"
    assert identity_of_blank(data, one) != identity_of_blank(data, other)
    assert identity_of_blank(data, one) == identity_of_blank(data, one)
    assert identity_of_blank(data + b"!", one) != identity_of_blank(data, one)


@pytest.mark.parametrize("at", [(0, 0), (5, 7), (199, 299), (16, 32)])
def test_one_pixel_between_those_that_are_asked_first_varies(at: tuple[int, int]) -> None:
    samples = np.zeros((200, 300, 3), np.uint8)
    assert not has_levels(samples)
    samples[at] = (0, 9, 0)
    assert has_levels(samples)
