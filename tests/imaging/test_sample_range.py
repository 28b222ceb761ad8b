"""White among samples of more than eight bits: the rule of `sample_range`."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.imaging.sample_range import Declared, to_eight_bits

STRETCHED, DARK, NOTHING = ("range_stretched",), ("nearly_black",), ()


def _eight(values: list[int], declared: Declared = Declared()) -> tuple[list[int], tuple[str, ...]]:  # noqa: B008
    eight, flags = to_eight_bits(np.array([values], np.uint16), declared)
    return [int(level) for level in eight[0]], flags


@pytest.mark.parametrize(
    ("values", "levels", "flags"),
    [
        ([0, 33, 255], [0, 33, 255], STRETCHED),  # eight bits in sixteen
        ([0, 33, 97], [0, 33, 97], STRETCHED),
        ([0, 512, 1023], [0, 128, 255], STRETCHED),
        ([0, 500, 700], [0, 125, 174], STRETCHED),
        ([0, 2048, 4095], [0, 128, 255], STRETCHED),
        ([0, 1551, 3101], [0, 97, 193], STRETCHED),
        ([0, 8192, 16_383], [0, 128, 255], STRETCHED),
        ([0, 8192, 16_250], [0, 128, 253], STRETCHED),
        ([0, 9001, 12_001], [0, 35, 47], NOTHING),  # may well be dark
        ([0, 16_384, 16_385], [0, 64, 64], NOTHING),
        ([0, 4096, 5000], [0, 16, 19], NOTHING),
        ([0, 257, 2570], [0, 1, 10], DARK),  # widened from eight bits
        ([0, 256, 2560], [0, 1, 10], DARK),
        ([0, 0, 0], [0, 0, 0], NOTHING),
        ([0, 32_896, 65_535], [0, 128, 255], NOTHING),
    ],
)
def test_without_a_word_of_the_file(
    values: list[int], levels: list[int], flags: tuple[str, ...]
) -> None:
    assert _eight(values) == (levels, flags)


def test_what_the_file_says_comes_first() -> None:
    assert _eight([0, 100, 9001], Declared(bits=14)) == ([0, 2, 140], STRETCHED)
    assert _eight([0, 100, 401], Declared(bits=12)) == ([0, 6, 25], STRETCHED)
    # bits that are exceeded, or were widened to all sixteen as PNG asks for, change nothing
    assert _eight([0, 100, 9001], Declared(bits=12)) == ([0, 0, 35], NOTHING)
    assert _eight([0, 160, 3200], Declared(bits=12, encoded=True)) == ([0, 1, 12], DARK)
    assert _eight([0, 100, 2001], Declared(encoded=True)) == ([0, 0, 8], DARK)
    assert _eight([0, 100, 16_383], Declared(encoded=True)) == ([0, 0, 64], NOTHING)


@pytest.mark.parametrize(
    ("values", "kind", "levels", "flags"),
    [
        ([0, 128, 255], "i2", [0, 128, 255], NOTHING),
        ([0, 2048, 4095], "i2", [0, 128, 255], STRETCHED),
        ([-1000, 0, 1000], "i2", [0, 128, 255], STRETCHED),
        ([0, 512, 1023], "u4", [0, 128, 255], STRETCHED),
        ([0, 257, 65_535], "u4", [0, 1, 255], NOTHING),
        ([0.0, 0.5, 1.0], "f8", [0, 128, 255], NOTHING),
        ([float("nan"), 0.75, 2.0], "f2", [0, 96, 255], STRETCHED),  # light beyond white
        ([0.0, 5.0, 200.0], "f4", [0, 5, 200], NOTHING),
        ([0.0, 100.0, 1000.0], "f4", [0, 26, 255], STRETCHED),
        ([0.0, 257.0, 65_535.0], "f4", [0, 1, 255], NOTHING),
        ([1e6, 1.25e6, 2e6], "f4", [0, 64, 255], STRETCHED),
    ],
)
def test_other_kinds_of_numbers(
    values: list[float], kind: str, levels: list[int], flags: tuple[str, ...]
) -> None:
    eight, said = to_eight_bits(np.array([values], kind), Declared())
    assert ([int(level) for level in eight[0]], said) == (levels, flags)


def test_all_colours_share_one_white() -> None:
    samples = np.array([[[0, 1000, 4095], [10, 20, 30]]], np.uint16)
    eight, flags = to_eight_bits(samples, Declared())
    assert flags == STRETCHED
    assert [int(level) for level in eight[0, 0]] == [0, 62, 255]


def test_eight_bits_stay() -> None:
    samples = np.array([[1, 2, 3]], np.uint8)
    assert to_eight_bits(samples, Declared())[0] is samples
