"""Protocol of every decoder, and its refusals."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from pipeline.core.recipe import ImageLimits
from pipeline.imaging.resize import Pixels


class Refusal(Exception):
    """Refusal of an image. Never leaves this package: `prepare` makes it a RejectedImage.

    Attributes:
        code: one of `pipeline.core.reasons.PREPARATION`.
        detail: what is particular to this image, often a library's words.
        size: pixels, where they are known before there is a decoder.
    """

    def __init__(self, code: str, detail: str = "", size: tuple[int, int] | None = None) -> None:
        super().__init__(code, detail)
        self.size = size
        self.code = code
        self.detail = detail


class DecodedImage(Struct, frozen=True):
    """Decoded sRGB pixels (height x width x 3 or 4, the fourth unused) and what was done.

    The pixels may lie in memory that the next picture of this thread uses again.

    Attributes:
        scaled: the decoder left out high frequencies, which cost a little likeness already.
    """

    pixels: Pixels
    flags: tuple[str, ...] = ()
    scaled: bool = False


def check_pixels(width: int, height: int, caps: ImageLimits) -> None:
    """Refuse an image that has more pixels than allowed.

    Raises:
        Refusal: `too_many_pixels`.
    """
    if width * height > caps.max_pixels:
        size = f"{width} x {height} pixels"
        words = f"{size}, at most {caps.max_pixels} are allowed"
        raise Refusal("too_many_pixels", words, (width, height))


class Decoder(Protocol):
    """File whose header was read and whose pixels were not.

    Attributes:
        format: as sniffed.
        width, height: pixels as stored, before turning.
        orientation: EXIF orientation still to be applied, 1 to 8.
    """

    format: str
    width: int
    height: int
    orientation: int

    def render(self, width: int, height: int) -> DecodedImage:
        """Pixels as sRGB in the size asked for, not yet turned.

        Raises:
            Refusal: why that is impossible.
        """
        ...

    def render_visibly(self, width: int, height: int) -> DecodedImage | None:
        """After `render` gave one flat colour: the same on a background or in a frame in which
        something shows, None when there is no such.

        Raises:
            Refusal: why that is impossible.
        """
        ...

    def varies(self) -> bool:
        """After `render`: whether the file's own pixels are of more than one colour."""
        ...
