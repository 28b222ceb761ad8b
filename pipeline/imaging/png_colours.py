"""Colours that a PNG describes itself: the exponent of its levels (gAMA) and its primaries (cHRM).

A profile comes before both, and so do the chunks sRGB and cICP (PNG specification, third edition,
4.3). Primaries without an exponent are no description, for browsers either.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from pipeline.imaging.hdr import SRGB_PRIMARIES, Corners, encoded_as_srgb, light_to_srgb

_SRGB_GAMMA = 2.2
_SAME_CORNER = 0.01  # of x and y: encoders round
_LEAST_Y = 0.001


def described_to_srgb(
    image: Image.Image, info: dict[str | tuple[int, int], Any]
) -> tuple[Image.Image, tuple[str, ...]]:
    """Bring an RGB image to sRGB by what its file says, as Pillow gives it; with the flags that
    tell what was done."""
    gamma = float(info.get("gamma") or 0)
    exponent = 1 / (gamma * _SRGB_GAMMA) if gamma > 0 else 0
    if "srgb" in info or not 0.05 < exponent < 20:
        return image, ()
    flags = () if abs(exponent - 1) < 0.05 else ("gamma_converted",)
    if corners := other_primaries(info.get("chromaticity")):
        light = (np.linspace(0, 1, 256) ** (1 / gamma))[np.asarray(image)]
        pixels = encoded_as_srgb(light @ light_to_srgb(corners).T)
        return Image.fromarray(pixels), (*flags, "colours_converted")
    if not flags:
        return image, ()
    table = [round(255 * (level / 255) ** exponent) for level in range(256)]
    return image.point(table * 3), flags


def other_primaries(numbers: object) -> Corners | None:
    """Red, green, blue and white of x and y each, from cHRM's eight numbers (white first), None
    when they are those of sRGB or no primaries at all."""
    if not isinstance(numbers, tuple) or len(numbers) != 8:
        return None
    points = [(float(x), float(y)) for x, y in zip(numbers[::2], numbers[1::2], strict=True)]
    corners = (*points[1:], points[0])
    apart = np.abs(np.array(corners) - np.array(SRGB_PRIMARIES)).max()
    if apart <= _SAME_CORNER or not _hold_their_white(np.array(corners)):
        return None
    return corners


def _hold_their_white(corners: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> bool:
    """Tell whether light of three primaries, some of each, makes the white."""
    if corners[:, 1].min() < _LEAST_Y:
        return False
    columns = np.column_stack((corners, np.ones(4))).T
    try:
        parts = np.linalg.solve(columns[:, :3], columns[:, 3])
    except np.linalg.LinAlgError:
        return False
    return bool(parts.min() > 0)
