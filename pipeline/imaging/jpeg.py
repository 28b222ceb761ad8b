"""JPEG in: libjpeg-turbo's scaled decoding, at least so much larger than the target that the
Lanczos filter after it decides the quality.

libjpeg-turbo can leave out the high frequencies while it decodes: a half, a quarter and an eighth
have fast paths of their own. Entropy decoding costs the same whatever the scale.
"""

from __future__ import annotations

import contextlib

import numpy as np
import simplejpeg
from PIL import Image

from pipeline.core.recipe import Recipe
from pipeline.imaging.colour import pixels_to_srgb, to_srgb
from pipeline.imaging.jpeg_header import JpegHeader, read_header
from pipeline.imaging.picture import Picture
from pipeline.imaging.refusal import Refusal
from pipeline.imaging.resize import Pixels, shrink_four

OVERSAMPLING = 1.5
"""The decoded picture is at least this much larger than the target, when the source is."""

_END = b"\xff\xd9"

# libjpeg's jerror.h: warnings about data that decodes just the same
_HARMLESS = (
    "Invalid SOS parameters",
    "Unknown Adobe color transform",
    "unknown JFIF revision",
    "bad ICC marker",
)
_BEYOND = (  # sound files that libjpeg-turbo's simple interface cannot take
    "subsampling",
    "Unsupported",
    "not supported",
    "Sorry",
    "not implemented",
    "precision",
)


class JpegDecoder:
    """One JPEG file.

    Attributes:
        format: "JPEG".
        width, height: pixels as stored.
        orientation: EXIF orientation, 1 to 8.
        header: what its markers say.
    """

    format = "JPEG"

    def __init__(self, data: bytes, recipe: Recipe) -> None:
        self._data = data
        self._recipe = recipe
        self.header: JpegHeader = read_header(data)
        self.width = self.header.width
        self.height = self.header.height
        self.orientation = self.header.orientation
        if not self.width or not self.height:
            raise Refusal("damaged", "its header gives no size")

    def render(self, width: int, height: int) -> Picture:
        """The picture as sRGB in `width` x `height` pixels, not yet turned.

        Raises:
            Refusal: it cannot be decoded, or is damaged and the recipe rejects that.
        """
        colorspace = "CMYK" if self.header.components == 4 else "RGBX"
        pixels, flags = self._decode(colorspace, width, height)
        pixels = shrink_four(pixels, (width, height))
        if colorspace == "CMYK":
            # Adobe's convention, which every writer follows: 255 is no ink
            inked = Image.fromarray(255 - pixels, "CMYK")
            image, more = to_srgb(inked, self.header.icc)
            return Picture(np.asarray(image), flags + more)
        pixels, more = pixels_to_srgb(pixels, self.header.icc, self.header.components == 1)
        return Picture(pixels, flags + more)

    def check(self) -> Pixels | None:
        """Decode every coefficient: RGBX pixels at an eighth of the size, None when damaged."""
        try:
            return self._decode_at(self._data, "RGBX", 8)
        except ValueError:
            return None

    def _decode(self, colorspace: str, width: int, height: int) -> tuple[Pixels, tuple[str, ...]]:
        scale = self._scale(width, height)
        try:
            return self._decode_at(self._data, colorspace, scale), ()
        except ValueError as error:
            problem = _refusal(error)
        if problem.code == "truncated":
            # only the end marker may be missing: then every pixel is there
            with contextlib.suppress(ValueError):
                return self._decode_at(self._data + _END, colorspace, scale), ()
        if self._recipe.on_damage == "reject" and problem.code != "harmless":
            raise problem
        try:
            pixels = self._decode_at(self._data, colorspace, scale, strict=False)
        except ValueError as error:
            raise _refusal(error) from error
        flags = () if problem.code == "harmless" else (f"{problem.code}_accepted",)
        return pixels, flags

    def _scale(self, width: int, height: int) -> int:
        for scale in (8, 4, 2):
            if (
                self.width >= width * OVERSAMPLING * scale
                and self.height >= height * OVERSAMPLING * scale
            ):
                return scale
        return 1

    def _decode_at(self, data: bytes, colorspace: str, scale: int, strict: bool = True) -> Pixels:
        pixels: Pixels = simplejpeg.decode_jpeg(
            data,
            colorspace,
            # just what the scale gives, so that no odd scale in between is chosen
            min_height=-(-self.height // scale),
            min_width=-(-self.width // scale),
            strict=strict,
        )
        return pixels


def _refusal(error: ValueError) -> Refusal:
    """libjpeg's message as a reason; "harmless" never leaves this module."""
    text = str(error)
    if any(words in text for words in _HARMLESS):
        return Refusal("harmless", text)
    if "remature end of JPEG" in text:
        return Refusal("truncated", text)
    if "nsufficient memory" in text:
        return Refusal("out_of_memory", text)
    if any(words in text for words in _BEYOND):
        return Refusal("unsupported_format", text)
    return Refusal("damaged", text)
