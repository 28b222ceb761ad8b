"""Camera RAW in: the largest preview that the camera put into the file, found by LibRaw (rawpy)
when that is installed. What the sensor saw is never developed.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from pipeline.core.recipe import Recipe
from pipeline.imaging.decoder import DecodedImage, Refusal
from pipeline.imaging.flat import has_levels
from pipeline.imaging.jpeg import JpegDecoder
from pipeline.imaging.resize import Pixels, shrink_image
from pipeline.imaging.translation import translated

_ORIENTATIONS = (1, 2, 4, 3, 5, 8, 6, 7)  # in EXIF's numbers, by LibRaw's

# by the names of rawpy's exceptions
_PROBLEMS = {
    "LibRawNoThumbnailError": (
        "unsupported_format",
        "it holds no preview, and what the sensor saw is not developed",
    ),
    "LibRawUnsupportedThumbnailError": (
        "unsupported_format",
        "its preview is of a kind that LibRaw does not read",
    ),
    "LibRawFileUnsupportedError": (
        "unsupported_format",
        "LibRaw finds no RAW file of a known camera in it",
    ),
    "LibRawIOError": ("truncated", "it ends before its preview does"),
    "LibRawUnsufficientMemoryError": ("out_of_memory", ""),
}


class RawDecoder:
    """Preview of one RAW file; attributes as `Decoder` says, the size that of the preview."""

    format = "RAW"

    def __init__(self, data: bytes, recipe: Recipe) -> None:
        preview, flip = _preview(data)
        self._jpeg: JpegDecoder | None = None
        self._bitmap: Image.Image | None = None
        self.orientation = _ORIENTATIONS[flip] if flip in range(8) else 1
        if isinstance(preview, bytes):
            self._jpeg = JpegDecoder(preview, recipe)
            self.width, self.height = self._jpeg.width, self._jpeg.height
            if self._jpeg.header.oriented:
                self.orientation = self._jpeg.orientation
        else:
            self._bitmap = _as_image(preview)
            self.width, self.height = self._bitmap.size

    def render(self, width: int, height: int) -> DecodedImage:
        """Preview as sRGB in `width` x `height` pixels, not yet turned.

        Raises:
            Refusal: it cannot be decoded, or is damaged and the recipe rejects that.
        """
        if self._jpeg is not None:
            picture = self._jpeg.render(width, height)
            return DecodedImage(picture.pixels, ("raw_preview", *picture.flags), picture.scaled)
        assert self._bitmap is not None
        with translated():
            small = shrink_image(self._bitmap, (width, height))
        return DecodedImage(np.asarray(small), ("raw_preview",))

    def render_visibly(self, width: int, height: int) -> DecodedImage | None:
        """None: a preview has no transparency."""
        del width, height
        return None

    def varies(self) -> bool:
        """Tell whether the preview is of more than one colour."""
        if self._jpeg is not None:
            return self._jpeg.varies()
        return has_levels(np.asarray(self._bitmap))


def _preview(data: bytes) -> tuple[bytes | Pixels, int]:
    """Extract a JPEG or pixels, and LibRaw's number for how the camera was held.

    LibRaw gives a JPEG without EXIF such a block, with the orientation of the RAW in it.
    """
    with translated():
        import rawpy

        try:
            with rawpy.imread(io.BytesIO(data)) as raw:
                preview: Any = raw.extract_thumb().data
                return preview, raw.sizes.flip
        except rawpy.LibRawError as error:
            raise _refusal(error) from error


def _refusal(error: Exception) -> Refusal:
    code, words = _PROBLEMS.get(type(error).__name__, ("damaged", ""))
    message = error.args[0] if error.args else b""
    return Refusal(
        code, words or (message.decode(errors="replace") if message else "LibRaw gave up")
    )


def _as_image(pixels: Pixels) -> Image.Image:
    with translated():
        if pixels.dtype != np.uint8:
            raise Refusal("unsupported_format", "its preview has more than eight bits a sample")
        return Image.fromarray(pixels.squeeze()).convert("RGB")
