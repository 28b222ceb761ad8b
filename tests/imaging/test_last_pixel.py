"""Decoders that stop early without a word."""

from __future__ import annotations

import pytest
from PIL import Image

from pipeline.core.recipe import Recipe
from pipeline.imaging.last_pixel import WATCHED
from pipeline.imaging.prepare import prepare_image
from pipeline.records import PreparedImage, RejectedImage
from tests.imaging.drawing import LongSide, encoded, photo, shown

RECIPE = Recipe(LongSide(96))


def _gif(pixels: list[int], size: tuple[int, int], interlaced: bool) -> bytes:
    """A GIF of two bits a pixel whose codes are all as long: a clear code before each second."""
    width, height = size
    bits = "".join(
        code
        for at in range(0, len(pixels), 2)
        for code in ("001", *map(_code, pixels[at : at + 2]))
    )
    bits += "101"  # the end; each code with its lowest bit first
    packed = bytes(int(bits[at : at + 8][::-1], 2) for at in range(0, len(bits), 8))
    blocks = b"".join(
        bytes((len(part),)) + part
        for part in (packed[at : at + 255] for at in range(0, len(packed), 255))
    )
    sides = width.to_bytes(2, "little") + height.to_bytes(2, "little")
    palette = bytes((0, 0, 0, 255, 0, 0, 0, 255, 0, 255, 255, 255))
    image = b",\0\0\0\0" + sides + bytes((64 * interlaced,)) + b"\2" + blocks + b"\0;"
    return b"GIF89a" + sides + b"\x81\0\0" + palette + image


def _code(pixel: int) -> str:
    return f"{pixel:03b}"[::-1]


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(("width", "height"), [(8, 6), (8, 7), (8, 1), (1, 8)])
def test_an_end_code_before_the_last_pixel_is_a_cut(
    width: int, height: int, interlaced: bool
) -> None:
    pixels = [at % 4 for at in range(width * height)]
    whole = prepare_image(_gif(pixels, (width, height), interlaced), RECIPE)
    assert isinstance(whole, PreparedImage)
    for missing in {2, len(pixels) // 4 * 2}:
        cut = prepare_image(_gif(pixels[:-missing], (width, height), interlaced), RECIPE)
        assert isinstance(cut, RejectedImage)
        assert cut.rejection.code == "truncated"
        accepted = Recipe(LongSide(96), on_damage="accept")
        part = prepare_image(_gif(pixels[:-missing], (width, height), interlaced), accepted)
        assert isinstance(part, PreparedImage)
        assert "truncated_accepted" in part.flags


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "I;16"])
@pytest.mark.parametrize("level", [0, 0x55, 0xAA, 0xFF])
def test_no_value_of_the_last_pixel_is_taken_for_the_mark(mode: str, level: int) -> None:
    image = Image.new("L", (7, 5), level)
    image = image.point(lambda v: v * 257, "I").convert("I;16") if mode == "I;16" else image
    image = image.point(lambda v: 255 * (v > 127), "1") if mode == "1" else image.convert(mode)
    data = encoded(image, "PNG")
    prepared = prepare_image(data, Recipe(LongSide(96), quality=100))
    assert isinstance(prepared, PreparedImage)
    shade = shown(prepared).getpixel((6, 4))
    assert abs(shade[0] - (255 * (level > 127) if mode == "1" else level)) <= 2


@pytest.mark.parametrize("format", sorted(WATCHED))
def test_later_frames_are_watched_too(format: str) -> None:
    frames = [photo(60, 40, seed) for seed in range(3)]
    data = encoded(frames[0], format, save_all=True, append_images=frames[1:])
    for frame in range(3):
        prepared = prepare_image(data, Recipe(LongSide(96), frame=frame))
        assert isinstance(prepared, PreparedImage)
