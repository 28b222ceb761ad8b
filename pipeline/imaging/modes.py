"""Pillow's many modes become four: RGB, RGBA, L and CMYK, with samples of eight bits."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageCms

from pipeline.imaging.sample_range import Declared, Samples, to_eight_bits

_AS_THEY_ARE = frozenset({"RGB", "RGBA", "L", "CMYK"})
_WITH_ALPHA = frozenset({"LA", "PA", "RGBa"})
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0
_SAMPLE_FORMAT, _UNSIGNED = 339, 1
_SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")
_UNDECLARED = Declared()


def to_plain(
    image: Image.Image, declared: Declared = _UNDECLARED
) -> tuple[Image.Image, tuple[str, ...]]:
    """Loaded image in mode RGB, RGBA, L or CMYK, with a flag when its range had to be guessed."""
    mode = image.mode
    if mode in _SIXTEEN_BITS or mode in ("I", "F"):
        return _from_deep(image, declared)
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
    """Tell whether samples differ in a loaded image of more than eight bits."""
    if image.mode not in _SIXTEEN_BITS and image.mode not in ("I", "F"):
        return False
    samples = np.asarray(image)
    return bool(samples.min() != samples.max())


def _from_deep(image: Image.Image, declared: Declared) -> tuple[Image.Image, tuple[str, ...]]:
    samples = _samples(image)
    eight, flags = to_eight_bits(samples, declared)
    if getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        eight = 255 - eight  # which Pillow does for eight bits only
    grey = Image.fromarray(eight)
    transparent = image.info.get("transparency")
    if not isinstance(transparent, int):
        return grey, flags
    coloured = grey.convert("RGBA")
    coloured.putalpha(Image.fromarray(np.where(samples == transparent, 0, 255).astype(np.uint8)))
    return coloured, flags


def _samples(image: Image.Image) -> Samples:
    """Samples as the file has them, in this machine's order of bytes."""
    samples = np.asarray(image)
    tags = getattr(image, "tag_v2", {})  # of TIFF
    if samples.dtype.kind == "i" and tags.get(_SAMPLE_FORMAT) == (_UNSIGNED,):
        return samples.view(np.uint32)  # Pillow has no such mode
    return samples.astype(samples.dtype.newbyteorder("="), copy=False)


def _from_lab(image: Image.Image) -> Image.Image:
    turned = ImageCms.profileToProfile(
        image, ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    return turned if turned is not None else image.convert("RGB")
