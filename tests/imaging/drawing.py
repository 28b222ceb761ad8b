"""What the pictures of these tests show, and whether a prepared picture still shows it."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import pybase64
from PIL import Image

from pipeline.records import PreparedImage

Colour = tuple[int, int, int]

RED, GREEN, BLUE, YELLOW = (220, 30, 30), (30, 200, 40), (40, 50, 210), (230, 220, 40)
QUARTERS: tuple[Colour, ...] = (RED, GREEN, BLUE, YELLOW)
"""Colours of the upper left, upper right, lower left and lower right quarter."""

GREYS: tuple[Colour, ...] = tuple((g, g, g) for g in (16, 90, 170, 240))
BLACK_WHITE: tuple[Colour, ...] = ((0, 0, 0), (255, 255, 255), (255, 255, 255), (0, 0, 0))


@dataclass(frozen=True, slots=True)
class LongSide:
    """A size policy for tests: the long side at most `side`, the shape kept."""

    side: int = 96

    def choose(self, width: int, height: int) -> tuple[int, int]:
        share = min(1.0, self.side / max(width, height))
        return max(1, round(width * share)), max(1, round(height * share))

    def canonical(self) -> dict[str, object]:
        return {"long_side": self.side}


def quarters(
    width: int = 160, height: int = 120, colours: tuple[Colour, ...] = QUARTERS
) -> Image.Image:
    """An RGB picture of four flat quarters, so that every turn and mirror looks different."""
    pixels = np.empty((height, width, 3), np.uint8)
    down, across = height // 2, width // 2
    pixels[:down, :across], pixels[:down, across:] = colours[0], colours[1]
    pixels[down:, :across], pixels[down:, across:] = colours[2], colours[3]
    return Image.fromarray(pixels)


def photo(width: int = 160, height: int = 120, seed: int = 0) -> Image.Image:
    """An RGB picture with smooth and rough parts, as decoders meet them."""
    chance = np.random.default_rng(seed)
    down, across = np.mgrid[0:height, 0:width]
    waves = [np.sin(across / (7 + k) + k) * np.cos(down / (11 - k)) for k in range(3)]
    pixels = 128 + 80 * np.stack(waves, axis=-1) + chance.normal(0, 12, (height, width, 3))
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    """The bytes of a file."""
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def sent(prepared: PreparedImage) -> bytes:
    """The bytes that would be sent."""
    return bytes(pybase64.b64decode(prepared.base64, validate=True))


def shown(prepared: PreparedImage) -> Image.Image:
    """The picture that would be sent, decoded."""
    image = Image.open(io.BytesIO(sent(prepared)))
    image.load()
    return image


def distance(prepared: object, image: Image.Image) -> float:
    """Mean difference (of 255) between a picture that would be sent and an RGB one of its size."""
    assert isinstance(prepared, PreparedImage), prepared
    pixels = np.asarray(shown(prepared)).astype(int)
    assert pixels.shape == (image.height, image.width, 3)
    return float(np.abs(pixels - np.asarray(image)).mean())


def corner_colours(image: Image.Image) -> tuple[Colour, ...]:
    """Mean colours of the middles of the four quarters."""
    pixels = np.asarray(image.convert("RGB")).astype(float)
    height, width = pixels.shape[:2]
    found = []
    for top in (0, height // 2):
        for left in (0, width // 2):
            part = pixels[top : top + height // 2, left : left + width // 2]
            inner = part[height // 8 : -height // 8 or None, width // 8 : -width // 8 or None]
            found.append(tuple(round(v) for v in inner.mean(axis=(0, 1))))
    return tuple(found)  # type: ignore[return-value]


def assert_shows(
    prepared: object, colours: tuple[Colour, ...] = QUARTERS, tolerance: int = 6
) -> PreparedImage:
    """`prepared` is a picture with these quarters, each channel within `tolerance`."""
    assert isinstance(prepared, PreparedImage), prepared
    image = shown(prepared)
    assert image.size == (prepared.width, prepared.height)
    assert image.mode == "RGB"
    found = corner_colours(image)
    max_cost = max(
        abs(a - b)
        for one, other in zip(found, colours, strict=True)
        for a, b in zip(one, other, strict=True)
    )
    assert max_cost <= tolerance, f"{found} instead of {colours}"
    return prepared
