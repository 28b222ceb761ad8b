"""Pictures that preparation left without anything to see: one colour, where the source has more."""

from __future__ import annotations

import hashlib

import numpy as np
from PIL import Image

from pipeline.imaging.resize import Pixels

_SPREAD = 8  # levels of 255: what a flat picture may vary by
_STEP = 16  # rows and columns
_HEADER_BYTES, _PIXELS_A_BYTE = 700, 24  # of the JPEG of a flat picture, with some to spare
_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)

Colour = tuple[int, int, int]


def is_flat(pixels: Pixels, encoded: bytes) -> bool:
    """Tell whether the pixels (RGB or RGBX) are of one colour.

    Their JPEG is asked first, which costs nothing: that of a flat picture is tiny.
    """
    height, width = pixels.shape[:2]
    if len(encoded) > _HEADER_BYTES + width * height // _PIXELS_A_BYTE:
        return False
    return not has_levels(pixels[..., :3])


def has_levels(samples: Pixels) -> bool:
    """Tell whether any channel of height x width x channels has more than one level.

    Some of the pixels are asked first: in nearly every picture they are enough.
    """
    return _varies(samples[::_STEP, ::_STEP]) or _varies(samples)


def _varies(samples: Pixels) -> bool:
    low, high = samples.min(axis=(0, 1)).astype(int), samples.max(axis=(0, 1))
    return bool(((high - low) > _SPREAD).any())


def contrasting_background(image: Image.Image) -> Colour | None:
    """Black or white, whichever stands out from what is visible of an RGBA image; None when
    nothing of it is visible."""
    samples = np.asarray(image).reshape(-1, 4).astype(np.float64)
    weight = samples[:, 3].sum()
    if not weight:
        return None
    luma = samples[:, :3] @ np.array((0.299, 0.587, 0.114))
    return _BLACK if (luma * samples[:, 3]).sum() / weight > 127 else _WHITE


def identity_of_blank(encoded: bytes, source_id: bytes) -> bytes:
    """Identity (32 bytes) of a picture that shows nothing of its source: pictures that look alike
    only for that must not share one caption. The bytes stay as they are: a mark in them would leave
    this machine."""
    return hashlib.sha256(b"captionmill.blank\0" + source_id + encoded).digest()
