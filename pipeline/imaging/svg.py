"""SVG in, drawn by resvg (resvg_py) in the size that is sent, when that is installed."""

from __future__ import annotations

import math
import os
import re
from functools import cache

from pipeline.core.recipe import Recipe
from pipeline.imaging.decoder import DecodedImage, Decoder, Refusal
from pipeline.imaging.jpeg import JpegDecoder
from pipeline.imaging.raster import RasterDecoder
from pipeline.imaging.sniff import sniff
from pipeline.imaging.svg_source import Attributes, read_svg, unpacked
from pipeline.imaging.translation import translated

_MAX_PIXELS_INSIDE = 50_000_000  # the renderer holds each image inside as four bytes a pixel
_INSIDE = frozenset({"JPEG", "PNG", "GIF", "WebP"})
_NO_SIZE = (300.0, 150.0)  # what browsers take
_LENGTH = re.compile(r"\s*(\d+\.?\d*(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?)\s*([a-z]*)\s*", re.I)
_PIXELS = {
    "": 1.0,
    "px": 1.0,
    "pt": 4 / 3,
    "pc": 16.0,
    "in": 96.0,
    "cm": 96 / 2.54,
    "mm": 96 / 25.4,
    "q": 24 / 25.4,
    "em": 16.0,
    "rem": 16.0,
    "ex": 8.0,
}
_LONGEST = 1e9
_USUAL = ("Arial", "Helvetica", "Liberation Sans", "DejaVu Sans", "Noto Sans", "FreeSans")
_GENERIC = ("serif", "sans_serif", "cursive", "fantasy", "monospace")
_DEFAULT_FAMILIES = ("font_family", *(f"{name}_family" for name in _GENERIC))
_PROBE = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text y="9">{}</text></svg>'
_SAME_SHAPE = 0.01  # of width / height: what rounding to whole pixels makes of it
_CURRENT_FOLDER = os.devnull  # where nothing is, if a reference ever came so far


class SvgDecoder:
    """One SVG; attributes as `Decoder` says, the size that its author gave it, in CSS pixels."""

    format = "SVG"
    orientation = 1

    def __init__(self, data: bytes, recipe: Recipe) -> None:
        self._recipe = recipe
        self._pixels_inside = 0
        with translated():
            self._source = read_svg(unpacked(data), self._check_inside)
        self._natural = natural_size(self._source.attributes)
        self.width, self.height = (max(1, round(side)) for side in self._natural)

    def render(self, width: int, height: int) -> DecodedImage:
        """Drawing in `width` x `height` pixels over the recipe's background.

        Raises:
            Refusal: the renderer cannot draw it.
        """
        written = self._source.written(**self._frame(width, height))
        flags: tuple[str, ...] = ()
        with translated():
            if self._source.text:
                font = _usual_font()
                flags = () if font else ("text_needs_fonts",)
                drawn = _draw(written, font)
            else:
                drawn = _draw(written, skip_system_fonts=True)
        self._raster = RasterDecoder(drawn, "PNG", self._recipe)
        picture = self._raster.render(width, height)
        return DecodedImage(picture.pixels, flags + picture.flags)

    def render_visibly(self, width: int, height: int) -> DecodedImage | None:
        """After `render`: as `RasterDecoder` does it."""
        return self._raster.render_visibly(width, height)

    def varies(self) -> bool:
        """After `render`: as `RasterDecoder` does it."""
        return self._raster.varies()

    def _frame(self, width: int, height: int) -> Attributes:
        """Attributes of the outermost element that make it fill so many pixels."""
        attributes = self._source.attributes
        frame = {"width": str(width), "height": str(height)}
        box = _view_box(attributes)
        across, down = self._natural
        if box is None:
            frame["viewBox"] = f"0 0 {across:f} {down:f}"
        if box is None or abs(box[0] / box[1] / (across / down) - 1) < _SAME_SHAPE:
            frame["preserveAspectRatio"] = "none"  # no thin edge of background
        return frame

    def _check_inside(self, image: bytes) -> str:
        """Last part of an image's media type, by its content.

        Raises:
            Refusal: it is of another kind, another SVG for one, broken, or too large.
        """
        kind = sniff(image)
        if kind not in _INSIDE:
            words = f"of the kind {kind}" if kind else "no image"
            raise Refusal("unsupported_format", f"an image inside it is {words}")
        decoder: Decoder = (
            JpegDecoder(image, self._recipe)
            if kind == "JPEG"
            else RasterDecoder(image, kind, self._recipe)
        )
        self._pixels_inside += decoder.width * decoder.height
        allowed = min(self._recipe.caps.max_pixels, _MAX_PIXELS_INSIDE)
        if self._pixels_inside > allowed:
            raise Refusal("too_many_pixels", f"images inside it have more than {allowed} pixels")
        return kind.lower()


def _draw(text: str, font: str | None = None, skip_system_fonts: bool = False) -> bytes:
    """Draw a PNG; `font` is the family that stands for those that are not installed."""
    import resvg_py

    drawn = resvg_py.svg_to_bytes(
        svg_string=text,
        dpi=96.0,
        resources_dir=_CURRENT_FOLDER,
        skip_system_fonts=skip_system_fonts,
        **dict.fromkeys(_DEFAULT_FAMILIES, font),
    )
    return bytes(drawn)


@cache
def _usual_font() -> str | None:
    """Family that is installed here, None when all of the usual ones are missing.

    resvg takes Arial or Times where a drawing names no family, a generic one or one that is
    missing, and draws no text at all where these are missing too, as on most servers.
    """
    blank = _draw(_PROBE.format(""))
    return next((name for name in _USUAL if _draw(_PROBE.format("W"), name) != blank), None)


def natural_size(attributes: Attributes) -> tuple[float, float]:
    """Width and height in CSS pixels by `width`, `height` and `viewBox` of the outermost element.

    Lengths in percent are as good as none. Without any size it is 300 x 150, as in browsers.

    Raises:
        Refusal: a side is 0.
    """
    width, height = _length(attributes.get("width", "")), _length(attributes.get("height", ""))
    box = _view_box(attributes)
    across, down = box or _NO_SIZE
    if box and width is None and height is not None:
        across = height * across / down
    if box and height is None and width is not None:
        down = width * down / across
    size = across if width is None else width, down if height is None else height
    if not min(size) > 0:
        raise Refusal("damaged", "a side of it is 0")
    return min(size[0], _LONGEST), min(size[1], _LONGEST)


def _length(words: str) -> float | None:
    """Length in CSS pixels, None when it is invalid or relative to something outside."""
    match = _LENGTH.fullmatch(words)
    unit = _PIXELS.get(match[2].lower()) if match else None
    return float(match[1]) * unit if match and unit else None


def _view_box(attributes: Attributes) -> tuple[float, float] | None:
    """Width and height of the view box, None without a sound one."""
    try:
        _, _, across, down = map(float, attributes.get("viewBox", "").replace(",", " ").split())
    except ValueError:
        return None
    if not (math.isfinite(across) and math.isfinite(down) and min(across, down) > 0):
        return None
    return min(across, _LONGEST), min(down, _LONGEST)
