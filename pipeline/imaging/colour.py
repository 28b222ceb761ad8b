"""Colours as every screen shows them: profiles and CMYK become sRGB.

All of it works on the already shrunken picture, where it costs next to nothing.
"""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

from pipeline.imaging.resize import Pixels

_SPACES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}
_SAME = 2  # largest difference (of 255) at which a profile counts as sRGB


@lru_cache(maxsize=16)
def _transform(icc: bytes) -> tuple[str, ImageCms.ImageCmsTransform | None]:
    """Mode a profile is for and its way to sRGB, None when it is sRGB already.

    Raises:
        ValueError: the profile is broken or for another colour space.
    """
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        mode = _SPACES[profile.profile.xcolor_space]
        transform = ImageCms.buildTransform(
            profile,
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, KeyError, OSError, TypeError) as error:
        raise ValueError(str(error)) from error
    return mode, None if _changes_nothing(mode, transform) else transform


def _changes_nothing(mode: str, transform: ImageCms.ImageCmsTransform) -> bool:
    """Tell whether a grid of colours comes out as it went in."""
    if mode == "CMYK":
        return False
    levels = np.linspace(0, 255, 9).astype(np.uint8)
    grid = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(27, 27, 3)
    before = Image.fromarray(grid if mode == "RGB" else np.ascontiguousarray(grid[..., 0]))
    after = transform.apply(before).convert("RGB")
    difference = np.asarray(after).astype(int) - np.asarray(before.convert("RGB"))
    return int(np.abs(difference).max()) <= _SAME


def to_srgb(image: Image.Image, icc: bytes | None) -> tuple[Image.Image, tuple[str, ...]]:
    """`image` (mode RGB, L or CMYK) as sRGB in mode RGB, with the flags that say what was done.

    A profile that is broken or of another colour space is ignored, as browsers do.
    """
    if icc is None:
        return image if image.mode == "RGB" else image.convert("RGB"), ()
    try:
        mode, transform = _transform(icc)
    except ValueError:
        return image.convert("RGB"), ("icc_ignored",)
    if mode != image.mode and {mode, image.mode} != {"RGB", "L"}:
        return image.convert("RGB"), ("icc_ignored",)
    if transform is None:
        return image.convert("RGB"), ()
    if mode != image.mode:
        image = image.convert(mode)
    return transform.apply(image), ("icc_converted",)


def pixels_to_srgb(pixels: Pixels, icc: bytes | None, grey: bool) -> tuple[Pixels, tuple[str, ...]]:
    """Same for RGBX pixels; `grey` says that the source had one channel."""
    if icc is None:
        return pixels, ()
    rgb = Image.fromarray(np.ascontiguousarray(pixels[..., :3]))
    if not grey:
        image, flags = to_srgb(rgb, icc)
    else:
        image, flags = to_srgb(rgb.getchannel(0), icc)
    return (np.asarray(image) if flags == ("icc_converted",) else pixels), flags


def over_background(image: Image.Image, background: tuple[int, int, int]) -> Image.Image:
    """Lay an RGBA image on `background`, as RGB."""
    under = Image.new("RGB", image.size, background)
    under.paste(image, mask=image)
    return under
