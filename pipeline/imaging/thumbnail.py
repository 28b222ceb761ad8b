"""Thumbnail of a file: a small JPEG for people, whatever the recipe of a run is."""

from __future__ import annotations

from collections.abc import Mapping

import pybase64
from msgspec import Struct

from pipeline.core.recipe import DEFAULT_FORMATS, Recipe
from pipeline.imaging.extras import installed_formats
from pipeline.imaging.prepare import prepare_file
from pipeline.records import PreparedImage, RejectedImage

_QUALITY = 82


class Thumbnail(Struct, frozen=True):
    """Picture of a file, or the problem why there is none.

    Attributes:
        source_id: SHA-256 of the file's bytes, None when they could not be read.
        jpeg: b"" where `problem` says why, in words.
    """

    source_id: bytes | None
    jpeg: bytes = b""
    problem: str = ""


class _LongestSide(Struct, frozen=True):
    """Sizes within a square; nothing is enlarged."""

    pixels: int

    def choose(self, width: int, height: int) -> tuple[int, int]:
        """Size of a source in the square."""
        longest = max(width, height)
        if longest <= self.pixels:
            return width, height
        return (
            max(1, round(width * self.pixels / longest)),
            max(1, round(height * self.pixels / longest)),
        )

    def canonical(self) -> Mapping[str, object]:
        """Kind of this size and its longest side, as a recipe would hold them."""
        return {"kind": "longest_side", "pixels": self.pixels}


def make_thumbnail(location: str, side: int) -> Thumbnail:
    """Decode the file at `location` as far as it can be, the right way up, to fit a square of
    `side` pixels. Never raises for anything that a file can be or hold."""
    formats = DEFAULT_FORMATS | installed_formats()
    recipe = Recipe(_LongestSide(side), quality=_QUALITY, on_damage="accept", formats=formats)
    prepared = prepare_file(location, recipe)
    if isinstance(prepared, RejectedImage):
        return Thumbnail(prepared.source_id, problem=prepared.rejection.detail)
    assert isinstance(prepared, PreparedImage)  # nothing is known before
    return Thumbnail(prepared.source_id, pybase64.b64decode(prepared.base64))
