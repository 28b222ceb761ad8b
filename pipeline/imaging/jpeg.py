"""JPEG in: libjpeg-turbo's scaled decoding, at least so much larger than the target that the
Lanczos filter after it decides the quality.

libjpeg-turbo can leave out the high frequencies while it decodes: a half, a quarter and an eighth
have fast paths of their own. Entropy decoding costs the same whatever the scale.
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator

import numpy as np
import simplejpeg
from PIL import Image

from pipeline.core.recipe import Recipe
from pipeline.imaging.colour import pixels_to_srgb, to_srgb
from pipeline.imaging.decoder import DecodedImage, Refusal
from pipeline.imaging.flat import has_levels
from pipeline.imaging.jpeg_header import (
    JpegHeader,
    has_odd_tables,
    read_header,
    tidied,
    with_usual_parameters,
)
from pipeline.imaging.jpeg_holes import has_hole
from pipeline.imaging.jpeg_scans import missing_scans
from pipeline.imaging.resize import Pixels, shrink_four

OVERSAMPLING = 1.4
"""The decoded picture is at least this much larger than the target, when the source is.

Scaled decoding averages squares of pixels, which blurs what is near the target's resolution.
Measured (Y-SSIM lost against full decoding, median of 24 photos): 1.3 times 0.009, 1.46 times
0.0004, twice 0.0003; a 24-megapixel photo is 1.46 times 512 pixels at an eighth.
"""

_SCRATCH_BYTES = 32 << 20  # larger pictures are rare enough to get memory of their own
_scratch = threading.local()

_END = b"\xff\xd9"

# messages of libjpeg (jerror.h)
_ABOUT_THE_HEADER = re.compile(
    r"extraneous bytes before marker 0x(c[0-4]|d[abd]|e.|fe)|JFIF revision|bad ICC marker"
)
_BEYOND = re.compile(
    r"Invalid SOS parameters|Unknown Adobe color transform"  # warnings that change no pixel
    r"|subsampling"  # unusual sampling factors
    r"|Unsupported(?! marker)|not supported|Sorry|precision"
)
_SAMPLING = re.compile("subsampling")
_DECODED = frozenset(
    {"baseline", "extended", "progressive", "arithmetic", "arithmetic progressive"}
)


class _BeyondTurbo(Exception):
    """libjpeg-turbo's simple interface stops where libjpeg would not."""


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
        if self.width and not self.height:
            raise Refusal("unsupported_format", "a JPEG whose height stands behind its pixels")
        if not self.width:
            raise Refusal("damaged", "its header gives no size")
        self._missing = missing_scans(self.header, data)

    def render(self, width: int, height: int) -> DecodedImage:
        """Picture as sRGB in `width` x `height` pixels, not yet turned.

        Raises:
            Refusal: it cannot be decoded, or is damaged and the recipe rejects that.
        """
        try:
            return self._render(width, height)
        except _BeyondTurbo:
            from pipeline.imaging.raster import RasterDecoder

            flags = self._flags_of_unusual()
            image = RasterDecoder(self._data, "JPEG", self._recipe).render(width, height)
            return DecodedImage(image.pixels, flags + image.flags, image.scaled)
        except Refusal as refusal:
            if words := self._unsupported():
                raise Refusal("unsupported_format", words) from refusal
            raise

    def _render(self, width: int, height: int) -> DecodedImage:
        inks = self.header.components == 4
        scale = self._scale(width, height)
        pixels, flags = self._decode("CMYK" if inks else "RGBX", scale)
        flags = flags or (("zero_block",) if has_hole(self.header, self._data) else ())
        pixels = shrink_four(pixels, (width, height))
        if inks:
            # Adobe's convention, which every writer follows: 255 is no ink
            image, more = to_srgb(Image.fromarray(255 - pixels, "CMYK"), self.header.icc)
            return DecodedImage(np.asarray(image), flags + more, scale > 1)
        pixels, more = pixels_to_srgb(pixels, self.header.icc, self.header.components == 1)
        return DecodedImage(pixels, flags + more, scale > 1)

    def _unsupported(self) -> str:
        """Words for a kind of JPEG that libjpeg does not decode, "" for the others."""
        header = self.header
        if header.process in _DECODED and header.precision == 8:
            return ""
        return f"a JPEG of the process {header.process} with {header.precision} bits a sample"

    def _flags_of_unusual(self) -> tuple[str, ...]:
        """Look for damage in a file that turbo does not decode, where the decoder that does would
        keep quiet about it.

        Raises:
            Refusal: it is damaged and the recipe rejects that, or of an unsupported kind.
        """
        if words := self._unsupported():
            raise Refusal("unsupported_format", words)
        problem = Refusal("truncated", self._missing) if self._missing else None
        try:
            colorspace = "CMYK" if self.header.components == 4 else "RGBX"
            self._decode_at(with_usual_parameters(self._data), colorspace, 8)
        except ValueError as error:
            if _SAMPLING.search(str(error)):
                return ("damage_unchecked",)
            with contextlib.suppress(_BeyondTurbo):
                problem = problem or _refusal(error)
        if problem is None:
            return ()
        if self._recipe.on_damage == "reject":
            raise problem
        return (f"{problem.code}_accepted",)

    def render_visibly(self, width: int, height: int) -> DecodedImage | None:
        """None: it has one picture and no transparency."""
        del width, height
        return None

    def varies(self) -> bool:
        """Tell whether its pixels are of more than one colour, by a decoding of the whole."""
        try:
            pixels = self._decode_at(self._data, "RGBX", 1, strict=False)
        except ValueError:
            return False
        return has_levels(pixels[..., :3])

    def check(self) -> Pixels | None:
        """Decode every coefficient: RGBX pixels at an eighth of the size, None when damaged or
        doubtful."""
        try:
            if self._missing or has_hole(self.header, self._data):
                return None
            return self._decode_at(self._data, "RGBX", 8)
        except ValueError:
            return None

    def _decode(self, colorspace: str, scale: int) -> tuple[Pixels, tuple[str, ...]]:
        problem = Refusal("truncated", self._missing)
        try:
            pixels = self._decode_at(self._data, colorspace, scale, lent=True)
            if not self._missing:
                return pixels, ()
        except ValueError as error:
            problem = _refusal(error)
        for mended in self._mended(problem):
            with contextlib.suppress(ValueError):
                flags = ("tables_doubtful",) if has_odd_tables(self._data) else ()
                return self._decode_at(mended, colorspace, scale), flags
        if self._recipe.on_damage == "reject":
            raise problem
        try:
            pixels = self._decode_at(self._data, colorspace, scale, strict=False)
        except ValueError as error:
            raise _refusal(error) from error
        return pixels, (f"{problem.code}_accepted",)

    def _mended(self, problem: Refusal) -> Iterator[bytes]:
        """File without a fault that does not touch its pixels."""
        if self._missing:
            return
        if problem.code == "truncated":
            if _ends_a_scan(self._data) and "arithmetic" not in self.header.process:
                yield self._data + _END  # when only the end marker was missing, it now is sound
        elif _ABOUT_THE_HEADER.search(problem.detail):
            yield tidied(self._data)

    def _scale(self, width: int, height: int) -> int:
        spare = max(self.width, self.height) / (OVERSAMPLING * max(width, height))
        return next((scale for scale in (8, 4, 2) if scale <= spare), 1)

    def _decode_at(
        self, data: bytes, colorspace: str, scale: int, strict: bool = True, lent: bool = False
    ) -> Pixels:
        # just what the scale gives, so that no odd scale in between is chosen
        width, height = -(-self.width // scale), -(-self.height // scale)
        pixels: Pixels = simplejpeg.decode_jpeg(
            data,
            colorspace,
            min_height=height,
            min_width=width,
            # colours of halved resolution are repeated, not smoothed: the encoder halves them
            # again, and then finds just what was stored (SSIM of Cb and Cr 0.003 nearer)
            fastupsample=self._recipe.subsampling == "420",
            buffer=_lend(width * height * 4) if lent else None,
            strict=strict,
        )
        return pixels


def _ends_a_scan(data: bytes) -> bool:
    """Tell whether coded data may end like this: its last byte is filled up with ones. Arithmetic
    coding may leave out as many zeros as it likes, so that a cut cannot be told there."""
    return data[-1:] != b"\0" or data[-2:] == b"\xff\0"


def _lend(size: int) -> Pixels | None:
    """Lend this thread's memory for one picture: fresh memory costs a page fault every 4 kB, which
    for pictures of 500 pixels was a tenth of all time. None when they are too large for it."""
    if size > _SCRATCH_BYTES:
        return None
    memory: Pixels | None = getattr(_scratch, "memory", None)
    if memory is None or memory.size < size:
        memory = _scratch.memory = np.empty(size, np.uint8)
    return memory


def _refusal(error: ValueError) -> Refusal:
    """libjpeg's message as a reason.

    Raises:
        _BeyondTurbo: libjpeg itself could decode this.
    """
    text = str(error)
    if _BEYOND.search(text):
        raise _BeyondTurbo from error
    if "remature end of JPEG" in text:
        return Refusal("truncated", text)
    if "nsufficient memory" in text:
        return Refusal("out_of_memory", text)
    return Refusal("damaged", text)
