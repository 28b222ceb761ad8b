"""Measurements of any picture: its colours, light and orientation."""

from __future__ import annotations

import colorsys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

_SAMPLE = 48
_HUES = ((20, "red"), (45, "orange"), (70, "yellow"), (165, "green"), (200, "cyan"))
_MORE_HUES = ((260, "blue"), (300, "purple"), (340, "pink"), (360, "red"))


def describe(image: Image) -> str:
    """Plain words, e.g. "a bright landscape-oriented picture, mostly blue and white"."""
    pixels = _sampled(image)
    colours = " and ".join(_main_colours(pixels))
    return f"a {_light(pixels)} {_orientation(image)} picture, mostly {colours}"


def describe_light(image: Image) -> str:
    """Describe the light alone, e.g. "a bright picture"."""
    return f"a {_light(_sampled(image))} picture"


def _sampled(image: Image) -> list[tuple[int, int, int]]:
    raw = image.convert("RGB").resize((_SAMPLE, _SAMPLE)).tobytes()
    return [(raw[i], raw[i + 1], raw[i + 2]) for i in range(0, len(raw), 3)]


def _orientation(image: Image) -> str:
    if image.width > image.height * 1.05:
        return "landscape-oriented"
    if image.height > image.width * 1.05:
        return "portrait-oriented"
    return "square"


def _light(pixels: list[tuple[int, int, int]]) -> str:
    mean = sum(0.299 * r + 0.587 * g + 0.114 * b for r, g, b in pixels) / len(pixels)
    if mean < 70:
        return "dark"
    return "bright" if mean > 170 else "medium-bright"


def _main_colours(pixels: list[tuple[int, int, int]]) -> list[str]:
    """Most frequent colour name, and the second one if a fifth of the pixels have it."""
    counts: dict[str, int] = {}
    for pixel in pixels:
        name = _colour(*pixel)
        counts[name] = counts.get(name, 0) + 1
    order = sorted(counts, key=lambda name: (-counts[name], name))
    return order[:1] + [name for name in order[1:2] if counts[name] * 5 >= len(pixels)]


def _colour(red: int, green: int, blue: int) -> str:
    hue, saturation, value = colorsys.rgb_to_hsv(red / 255, green / 255, blue / 255)
    if value < 0.2:
        return "black"
    if saturation < 0.15:
        return "white" if value > 0.8 else "grey"
    degrees = hue * 360
    name = next(name for end, name in (*_HUES, *_MORE_HUES) if degrees <= end)
    return "brown" if name == "orange" and value < 0.7 else name
