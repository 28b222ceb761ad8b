"""Icons whose directories say other than their pictures."""

from __future__ import annotations

import struct

import pytest
from PIL import Image

from pipeline.core.recipe import Recipe
from pipeline.imaging.icons import with_one_picture
from pipeline.imaging.prepare import prepare_image
from pipeline.records import PreparedImage
from tests.imaging.drawing import LongSide, encoded, shown

RECIPE = Recipe(LongSide(96), quality=95)
RED, GREEN = (200, 0, 0), (0, 180, 0)


def _bitmap(colour: tuple[int, int, int], bits: int = 32) -> bytes:
    """Bitmap of an icon, 32 x 32: a square on transparency by alpha, whose mask hides nothing."""
    image = Image.new("RGBA", (32, 32), (0, 0, 0, 0))
    image.paste((*colour, 255), (8, 8, 24, 24))
    if bits == 32:
        pixels = image.transpose(Image.Transpose.FLIP_TOP_BOTTOM).tobytes("raw", "BGRA")
    else:
        pixels = image.convert("RGB").tobytes("raw", "BGR")
    header = struct.pack("<IiiHHIIiiII", 40, 32, 64, 1, bits, 0, 0, 0, 0, 0, 0)
    return header + pixels + bytes(4 * 32)


def _icon(*pictures: tuple[bytes, int]) -> bytes:
    """Icon of pictures of 32 x 32, each with the bits that the directory gives it."""
    at = 6 + 16 * len(pictures)
    directory, body = struct.pack("<HHH", 0, 1, len(pictures)), b""
    for picture, bits in pictures:
        place = at + len(body)
        directory += struct.pack("<BBBBHHII", 32, 32, 0, 0, 1, bits, len(picture), place)
        body += picture
    return directory + body


def _shown(icon: bytes) -> Image.Image:
    prepared = prepare_image(icon, RECIPE)
    assert isinstance(prepared, PreparedImage), prepared
    assert prepared.flags == ()
    return shown(prepared)


def _is(pixel: object, colour: tuple[int, int, int]) -> bool:
    assert isinstance(pixel, tuple)
    return max(abs(a - b) for a, b in zip(pixel, colour, strict=True)) < 12


@pytest.mark.parametrize("said", [0, 1, 8, 32, 8224])
def test_transparency_is_that_of_the_bitmap_whatever_the_directory_says(said: int) -> None:
    """Generators of favicons leave the bits at 0, and Pillow then takes an empty mask for it."""
    picture = _shown(_icon((_bitmap(RED), said)))
    assert _is(picture.getpixel((2, 2)), (255, 255, 255))
    assert _is(picture.getpixel((16, 16)), RED)


@pytest.mark.parametrize("order", [1, -1])
def test_of_pictures_of_one_size_that_of_the_most_colours_is_sent(order: int) -> None:
    pictures = ((_bitmap(GREEN, 24), 24), (_bitmap(RED), 32))[::order]
    assert _is(_shown(_icon(*pictures)).getpixel((16, 16)), RED)


def test_a_png_has_the_most_colours() -> None:
    png = encoded(Image.new("RGBA", (32, 32), (*RED, 255)), "PNG")
    assert _is(_shown(_icon((_bitmap(GREEN, 24), 24), (png, 0))).getpixel((16, 16)), RED)


@pytest.mark.parametrize("icon", [b"", b"\0\0\1\0", b"\0\0\1\0\0\0", b"\0\0\1\0\1\0" + bytes(9)])
def test_a_directory_that_is_cut_is_left_as_it_is(icon: bytes) -> None:
    assert with_one_picture(icon) == icon


def test_an_icon_that_ends_before_its_picture_is_flagged_or_refused() -> None:
    icon = _icon((_bitmap(RED), 32))
    for at in range(100, len(icon), 501):
        prepared = prepare_image(icon[:at] + icon[at + 1 :], RECIPE)
        assert not isinstance(prepared, PreparedImage) or "length_differs" in prepared.flags
