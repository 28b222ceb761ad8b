"""Pillow's many modes become four."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from pipeline.imaging.modes import to_plain


@pytest.mark.parametrize(
    ("mode", "plain"),
    [
        ("1", "L"), ("L", "L"), ("LA", "RGBA"), ("La", "RGBA"), ("P", "RGB"), ("PA", "RGBA"),
        ("RGB", "RGB"), ("RGBA", "RGBA"), ("RGBa", "RGBA"), ("RGBX", "RGB"), ("CMYK", "CMYK"),
        ("YCbCr", "RGB"), ("HSV", "RGB"), ("LAB", "RGB"), ("I", "L"), ("F", "L"),
        ("I;16", "L"), ("I;16L", "L"), ("I;16B", "L"),
    ],
)  # fmt: skip
def test_every_mode_becomes_plain(mode: str, plain: str) -> None:
    image, _ = to_plain(Image.new(mode, (3, 2)))
    assert image.mode == plain
    assert image.size == (3, 2)


def grey(values: list[float], dtype: str) -> tuple[list[int], tuple[str, ...]]:
    image, flags = to_plain(Image.fromarray(np.array([values], dtype=dtype)))
    return list(np.asarray(image)[0]), flags


@pytest.mark.parametrize(
    ("values", "dtype", "wanted", "stretched"),
    [
        ([0, 257, 32896, 65535], "uint16", [0, 1, 128, 255], False),
        ([0, 128, 255], "int32", [0, 128, 255], False),
        ([0, 257, 65535], "int32", [0, 1, 255], False),
        ([0, 500_001, 1_000_000], "int32", [0, 128, 255], True),
        ([-100, 1, 100], "int32", [0, 129, 255], True),
        ([0.0, 0.5, 1.0], "float32", [0, 128, 255], False),
        ([0.0, 128.0, 255.0], "float32", [0, 128, 255], False),
        ([0.0, 65535.0], "float32", [0, 255], False),
        ([-1.0, 0.001, 1.0], "float32", [0, 128, 255], True),
        ([float("nan"), float("inf"), 1.0], "float32", [0, 0, 255], False),
        ([-5.0, -5.0], "float32", [0, 0], True),
    ],
)
def test_white_is_found(
    values: list[float], dtype: str, wanted: list[int], stretched: bool
) -> None:
    assert grey(values, dtype) == (wanted, ("range_stretched",) if stretched else ())


def test_a_transparent_grey_of_sixteen_bits() -> None:
    image = Image.fromarray(np.array([[500, 501]], dtype=np.uint16))
    image.info["transparency"] = 500
    plain, _ = to_plain(image)
    assert plain.mode == "RGBA"
    assert list(np.asarray(plain)[0, :, 3]) == [0, 255]


@pytest.mark.parametrize(("white", "grey_of_half"), [(1023, 128), (4095, 128), (255, 128)])
def test_few_bits_of_sixteen_are_stretched(white: int, grey_of_half: int) -> None:
    levels, flags = grey([0, (white + 1) // 2, white], "uint16")
    assert flags == ("range_stretched",)
    assert levels[0] == 0
    assert levels[2] == round(white * 255 / (2 ** white.bit_length() - 1))
    assert abs(levels[1] - grey_of_half) <= 1
    assert grey([0, 9000], "uint16") == ([0, 35], ())
    assert grey([0, 0], "uint16") == ([0, 0], ())
