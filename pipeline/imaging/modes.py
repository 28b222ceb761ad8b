"""Pillow's many modes become four: RGB, RGBA, L and CMYK, with samples of eight bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

_Samples = npt.NDArray[Any]

_AS_THEY_ARE = frozenset({"RGB", "RGBA", "L", "CMYK"})
_WITH_ALPHA = frozenset({"LA", "PA", "RGBa"})
_EIGHT_OF_SIXTEEN = ((np.arange(65536) * 255 + 32767) // 65535).astype(np.uint8)
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0
_SAMPLE_FORMAT, _UNSIGNED = 339, 1
_FEW_BITS = 12
_SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")


def to_plain(image: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    """Loaded image in mode RGB, RGBA, L or CMYK, with a flag when its range had to be guessed."""
    mode = image.mode
    if mode in _SIXTEEN_BITS or mode in ("I", "F"):
        return _from_deep(image)
    if "transparency" in image.info and mode in ("1", "L", "P", "RGB"):
        return image.convert("RGBA"), ()
    if mode in _AS_THEY_ARE:
        return image, ()
    if mode in _WITH_ALPHA:
        return image.convert("RGBA"), ()
    if mode == "La":
        return image.convert("LA").convert("RGBA"), ()
    if mode == "1":
        return image.convert("L"), ()
    if mode == "LAB":
        return _from_lab(image), ()
    return image.convert("RGB"), ()


def is_deep(image: Image.Image) -> bool:
    """Recognise a loaded image of more than eight bits whose samples are not all the same."""
    if image.mode not in _SIXTEEN_BITS and image.mode not in ("I", "F"):
        return False
    samples = np.asarray(image)
    return bool(samples.min() != samples.max())


def _from_deep(image: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    samples = np.asarray(image)
    tags = getattr(image, "tag_v2", {})  # of TIFF
    if samples.dtype.kind == "i" and tags.get(_SAMPLE_FORMAT) == (_UNSIGNED,):
        samples = samples.view(np.uint32)  # Pillow has no such mode
    flags: tuple[str, ...] = ()
    if image.mode in _SIXTEEN_BITS:
        eight, flags = _from_sixteen(samples)
    else:
        eight, flags = _from_unknown_range(samples)
    if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        eight = 255 - eight  # which Pillow does for eight bits only
    grey = Image.fromarray(eight)
    transparent = image.info.get("transparency")
    if not isinstance(transparent, int):
        return grey, flags
    coloured = grey.convert("RGBA")
    coloured.putalpha(Image.fromarray(np.where(samples == transparent, 0, 255).astype(np.uint8)))
    return coloured, flags


def _from_sixteen(samples: _Samples) -> tuple[_Samples, tuple[str, ...]]:
    """0 to 255 from sixteen bits, of which cameras and scanners often use ten or twelve."""
    bits = int(samples.max()).bit_length()
    if not 0 < bits <= _FEW_BITS:
        return _EIGHT_OF_SIXTEEN[samples], ()
    return _rounded(samples.astype(np.float32) * (255 / (2**bits - 1))), ("range_stretched",)


def _from_unknown_range(samples: _Samples) -> tuple[_Samples, tuple[str, ...]]:
    """0 to 255 from integers or floats whose white is not written down anywhere.

    The usual conventions are tried: 0 to 1 for floats, 0 to 255, 0 to 65535; what fits none of
    them is stretched from its smallest to its largest value.
    """
    values = np.nan_to_num(samples.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    white = next((w for w in _whites(samples) if high <= w), None)
    if low < 0 or white is None:
        span = (high - low) or 1.0
        return _rounded((values - low) * (255 / span)), ("range_stretched",)
    return _rounded(values * (255 / white)), ()


def _rounded(values: _Samples) -> _Samples:
    return np.round(values).astype(np.uint8)


def _whites(samples: _Samples) -> tuple[float, ...]:
    return (1.0, 255.0, 65535.0) if samples.dtype.kind == "f" else (255.0, 65535.0)


def _from_lab(image: Image.Image) -> Image.Image:
    turned = ImageCms.profileToProfile(
        image, ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    return turned if turned is not None else image.convert("RGB")
