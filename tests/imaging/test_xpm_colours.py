"""Colours of XPM."""

from __future__ import annotations

import pytest

from pipeline.core.recipe import Recipe
from pipeline.imaging.prepare import prepare_image
from pipeline.imaging.xpm_colours import with_plain_colours
from pipeline.records import PreparedImage, RejectedImage
from tests.imaging.drawing import LongSide, shown

RECIPE = Recipe(LongSide(96), quality=95)


def _xpm(first: str, second: str = "c #000000") -> bytes:
    """The left half in one colour, the right half in the other."""
    rows = ",\n".join('"' + "a" * 10 + "b" * 10 + '"' for _ in range(20))
    lines = f'/* XPM */\nstatic char *x[] = {{\n"20 20 2 1",\n"a {first}",\n"b {second}",\n'
    return f"{lines}{rows}\n}};\n".encode()


def _left(data: bytes) -> tuple[int, ...]:
    prepared = prepare_image(data, RECIPE)
    assert isinstance(prepared, PreparedImage), prepared
    pixel = shown(prepared).getpixel((3, 10))
    assert isinstance(pixel, tuple)
    return pixel


@pytest.mark.parametrize(
    ("colour", "expected"),
    [
        ("c #0a50c8", (10, 80, 200)),
        ("c #05c", (0, 85, 204)),
        ("c #0a050fc80", (10, 80, 200)),
        ("c #0a0a5050c8c8", (10, 80, 200)),
        ("c red", (255, 0, 0)),
        ("c Light Sky Blue", (135, 206, 250)),
        ("c gray50", (128, 128, 128)),
        ("c none", (255, 255, 255)),
        ("s sky m white g4 gray80 c #0a50c8 g gray10", (10, 80, 200)),
        ("m black c slate blue s wall", (106, 90, 205)),
    ],
)
def test_colours_are_those_of_x11(colour: str, expected: tuple[int, int, int]) -> None:
    shown_colour = _left(_xpm(colour))
    assert max(abs(a - b) for a, b in zip(shown_colour, expected, strict=True)) <= 6


def test_comments_between_the_lines_are_none_of_them() -> None:
    data = _xpm("c #0a50c8").replace(b'"20 20', b'/* size */\n"20 20')
    data = data.replace(b'"a c', b'/* colours */\n"a c').replace(b'"aaa', b'/* pixels */\n"aaa', 1)
    shown_colour = _left(data)
    assert max(abs(a - b) for a, b in zip(shown_colour, (10, 80, 200), strict=True)) <= 6


@pytest.mark.parametrize(
    ("colour", "code", "words"),
    [
        ("c #0a5c8", "damaged", "has 5 digits"),
        ("c #0a50c80", "damaged", "has 7 digits"),
        ("c wallpaper", "unsupported_format", "wallpaper"),
    ],
)
def test_colours_that_are_none_are_refused_by_name(colour: str, code: str, words: str) -> None:
    rejected = prepare_image(_xpm(colour), RECIPE)
    assert isinstance(rejected, RejectedImage)
    assert rejected.rejection.code == code
    assert words in rejected.rejection.detail


def test_what_has_no_colours_is_left_as_it_is() -> None:
    for data in (b"", b"/* XPM */", _xpm("m black"), b'/* XPM */ "1 1 99999999 1",'):
        assert with_plain_colours(data).startswith(data[:20])
    assert with_plain_colours(_xpm("m black", "m white")) == _xpm("m black", "m white")


def test_a_row_more_or_of_another_length_is_damage() -> None:
    data = _xpm("c #ff0000")
    row = b'"' + b"a" * 10 + b"b" * 10 + b'",\n'
    for harmed in (data.replace(row, row * 2, 1), data.replace(row, row.replace(b"ab", b"aab"), 1)):
        prepared = prepare_image(harmed, RECIPE)
        assert isinstance(prepared, RejectedImage)
        assert prepared.rejection.code == "damaged"
    extended = data.replace(b"\n};", b',\n"XPMEXT author",\n"me",\n"XPMENDEXT"\n};')
    assert isinstance(prepare_image(extended, RECIPE), PreparedImage)
