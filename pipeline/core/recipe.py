"""Preparation of an image: everything that shapes the bytes that are sent, and its limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol

from msgspec import Struct, field
from msgspec.structs import astuple

from pipeline.core.sizing import MIN_SENT_SIDE

Subsampling = Literal["420", "422", "444"]
Frame = int | Literal["middle"]

COMMON_FORMATS: frozenset[str] = frozenset(
    {"JPEG", "PNG", "WebP", "GIF", "BMP", "TIFF", "HEIC", "AVIF"}
)
"""Formats that most collections consist of, by the names that `imaging.sniff` gives."""

SELDOM_FORMATS: frozenset[str] = frozenset(
    {"JPEG 2000", "PNM", "ICO", "TGA", "PCX", "PSD", "DDS", "QOI", "SGI", "ICNS", "Sun raster"}
    | {"XPM", "BLP"}
)
"""Formats that Pillow decodes too."""

DEFAULT_FORMATS: frozenset[str] = COMMON_FORMATS | SELDOM_FORMATS
"""Formats that are decoded unless told otherwise."""

JXL_FRAMES = "JPEG XL frames"
"""Stands among the formats where any frame of a JPEG XL animation can be decoded; else its last."""

JPEG_2000_SAMPLES = "JPEG 2000 samples"
"""Stands among the formats where JPEG 2000 of more than eight bits in colour can be read whole."""

EXTRA_FORMATS: frozenset[str] = frozenset({"JPEG XL", JXL_FRAMES, JPEG_2000_SAMPLES, "RAW", "SVG"})
"""Formats that are decoded where the packages of the extra `formats` are installed."""

_LONGEST_JPEG_SIDE = 65_500  # libjpeg's JPEG_MAX_DIMENSION


class SizeChooser(Protocol):
    """Choice of the size an image is sent in."""

    def choose(self, width: int, height: int) -> tuple[int, int]:
        """Width and height to send for an upright source of `width` x `height` pixels."""
        ...

    def canonical(self) -> Mapping[str, object]:
        """Everything that shapes `choose`, as JSON-able values."""
        ...


class ImageLimits(Struct, frozen=True):
    """Limits checked before an image is decoded, so that none can take the machine down.

    Attributes:
        max_file_bytes: size of the file.
        max_pixels: width x height (the default lets a 200-megapixel phone photo pass).
        max_side: the longer side.
        min_side: the shorter side.
        min_sent_side: the shorter side as it would be sent, where the source has so
            much; a `size` that knows of it lets strips grow first.
    """

    max_file_bytes: int = 250_000_000
    max_pixels: int = 200_000_000
    max_side: int = _LONGEST_JPEG_SIDE
    min_side: int = 1
    min_sent_side: int = 1

    def __post_init__(self) -> None:
        if min(astuple(self)) < 1:
            raise ValueError("caps are whole numbers from 1 on")


class Recipe(Struct, frozen=True):
    """Recipe for preparing an image.

    Attributes:
        size: decides the size (`core.sizing.Sizing`, say).
        quality: JPEG quality, 1 to 100.
        subsampling: chroma subsampling of the JPEG.
        background: red, green, blue (0 to 255 each) put under transparent pixels.
        frame: which picture of an animation or a multi-page file; past the end means the last.
            Pages of a TIFF that are smaller copies or masks do not count.
        on_damage: what happens to truncated and damaged files: "reject", or "accept" what can
            be decoded of them, with a flag.
        pass_through: send JPEGs that are already small, upright and clean as they are.
        caps: limits checked before decoding.
        perceptual_hash: also compute a dHash and a sharpness figure.
        formats: what may be decoded, by the names that `imaging.sniff` gives.
    """

    size: SizeChooser
    quality: int = 85
    subsampling: Subsampling = "420"
    background: tuple[int, int, int] = (255, 255, 255)
    frame: Frame = 0
    on_damage: Literal["reject", "accept"] = "reject"
    pass_through: bool = False
    caps: ImageLimits = field(default_factory=ImageLimits)
    perceptual_hash: bool = False
    formats: frozenset[str] = DEFAULT_FORMATS

    def __post_init__(self) -> None:
        if not 1 <= self.quality <= 100:
            raise ValueError("JPEG quality goes from 1 to 100")
        if len(self.background) != 3 or not all(0 <= part <= 255 for part in self.background):
            raise ValueError("a background is three numbers from 0 to 255")
        if self.frame != "middle" and self.frame < 0:
            raise ValueError("frames count from 0")
        unknown = self.formats - DEFAULT_FORMATS - EXTRA_FORMATS
        if unknown:
            raise ValueError(f"unknown formats: {', '.join(sorted(unknown))}")

    def canonical(self) -> dict[str, object]:
        """Canonical form of what shapes the prepared bytes of an image that is prepared at all.

        Damage, caps, formats and the perceptual hash are not in it: changing them must not make
        anybody pay again for images that come out the same.
        """
        return {
            "version": 1,
            "size": dict(self.size.canonical()),
            "encoding": {"format": "jpeg", "quality": self.quality, "chroma": self.subsampling},
            "background": list(self.background),
            "frame": self.frame,
            "pass_through": self.pass_through,
        }

    def admission(self) -> dict[str, object]:
        """Canonical form of the limits that decide what is refused: a refusal holds for it only."""
        caps = self.caps
        strips = {"min_sent_side": caps.min_sent_side}
        return {
            "on_damage": self.on_damage,
            "max_file_bytes": caps.max_file_bytes,
            "max_pixels": caps.max_pixels,
            "max_side": caps.max_side,
            "min_side": caps.min_side,
            "formats": sorted(self.formats),
            **(strips if caps.min_sent_side != MIN_SENT_SIDE else {}),
        }
