"""Shrinking pixels with a Lanczos filter (cykooz.resizer, the fast_image_resize crate)."""

from __future__ import annotations

import threading

import numpy as np
import numpy.typing as npt
from cykooz_resizer import FilterType, ResizeAlg, ResizeOptions, Resizer
from PIL import Image

Pixels = npt.NDArray[np.uint8]
"""height x width x channels: 3 is RGB, 4 is RGB and one unused byte unless said otherwise."""

_LANCZOS = ResizeOptions(ResizeAlg.convolution(FilterType.lanczos3))
_tools = threading.local()


def _resizer() -> Resizer:
    """Resizer of this thread: a new one would get its inner memory anew, page by page, which for
    pictures of 640 pixels is a third of its time."""
    resizer: Resizer | None = getattr(_tools, "resizer", None)
    if resizer is None:
        resizer = _tools.resizer = Resizer()
    return resizer


def shrink_image(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """`image` (mode RGB, RGBA, L or CMYK) at `size` (width, height).

    Transparent pixels of RGBA do not bleed: colours are weighted by alpha.
    """
    if image.size == size:
        return image
    small = Image.new(image.mode, size)
    _resizer().resize_pil(image, small, _LANCZOS)
    return small


def shrink_four(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """`pixels` (height x width x 4, all four treated alike) at `size` (width, height)."""
    height, width = pixels.shape[:2]
    if (width, height) == size:
        return pixels
    small = np.empty((size[1], size[0], 4), np.uint8)
    _resizer().resize_pil(_mapped(pixels), _mapped(small), _LANCZOS)
    return small


def _mapped(pixels: Pixels) -> Image.Image:
    """Four equal channels as a picture that shares the array's memory.

    CMYK is Pillow's only such mode that the resizer takes, so it lends its name; the channels
    may well be red, green, blue and nothing.
    """
    height, width = pixels.shape[:2]
    return Image.frombuffer("CMYK", (width, height), pixels, "raw", "CMYK", 0, 1)


def turn(pixels: Pixels, orientation: int) -> Pixels:
    """`pixels` turned and mirrored as EXIF `orientation` (1 to 8) asks, contiguous."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)
