"""JPEG XL in, through libjxl (pillow_jxl), when that is installed.

The plugin decodes as soon as it is opened, so the header is read before (`jxl_header`).
"""

from __future__ import annotations

from pipeline.core.recipe import JXL_FRAMES, Recipe
from pipeline.imaging.decoder import DecodedImage, Refusal
from pipeline.imaging.jxl_header import BARE, boxes, read_jxl_header
from pipeline.imaging.memory import memory_needed
from pipeline.imaging.raster import RasterDecoder

_FRAME_UNREACHABLE = (
    "one frame of a JPEG XL animation is decoded by the package imagecodecs; "
    'pip install "captionmill[formats]" brings it'
)


class JxlDecoder:
    """One JPEG XL file; attributes as `Decoder` says, the size that of the upright picture."""

    format = "JPEG XL"
    orientation = 1  # libjxl turns; EXIF beside the codestream does not count (18181-2)

    def __init__(self, data: bytes, recipe: Recipe) -> None:
        self._data = data
        self._recipe = recipe
        self._header = read_jxl_header(data)
        self.width, self.height = self._header.width, self._header.height

    def render(self, width: int, height: int) -> DecodedImage:
        """Picture as sRGB in `width` x `height` pixels; of an animation the frame asked for, or its
        last one instead of the first where the plugin alone is installed.

        Raises:
            Refusal: it cannot be decoded. No part of a damaged file can be.
        """
        last_only = self._header.animated and JXL_FRAMES not in self._recipe.formats
        if last_only and self._recipe.frame:
            raise Refusal("unsupported_format", _FRAME_UNREACHABLE)
        if words := memory_needed(self.format, self.width * self.height):
            raise Refusal("out_of_memory", words)  # libjxl's caller would end this process
        data = _without_jpeg(self._data)
        self._raster = RasterDecoder(data, self.format, self._recipe)
        picture = self._raster.render(width, height)
        flags = ("last_frame",) if last_only else ()
        return DecodedImage(picture.pixels, flags + picture.flags, picture.scaled)

    def render_visibly(self, width: int, height: int) -> DecodedImage | None:
        """After `render`: as `RasterDecoder` does it."""
        return self._raster.render_visibly(width, height)

    def varies(self) -> bool:
        """After `render`: as `RasterDecoder` does it."""
        return self._raster.varies()


def _without_jpeg(data: bytes) -> bytes:
    """File without the box from which the JPEG it was packed from is rebuilt.

    With it the plugin would give that JPEG's pixels, not turned; without, libjxl's own.
    """
    if data.startswith(BARE):
        return data
    for kind, at, _ in boxes(data):
        if kind == b"jbrd":
            name = data.rindex(kind, 0, at)
            return data[:name] + b"free" + data[name + 4 :]
    return data
