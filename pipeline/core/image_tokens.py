"""Prompt tokens of an image by the service's own arithmetic, exact.

Two rules exist (https://developers.openai.com/api/docs/guides/images-vision, edition of autumn
2026). Patch models cover the image with squares of 32 pixels and multiply their number; tile
models pay a base and a price for each square of 512 pixels. Both first shrink what is too large
for the chosen detail, never the other way.

Everything is integer or `Fraction` arithmetic: the guide's square roots and quotients cancel out,
so no floor or ceiling can be tipped by a rounding error.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, isqrt
from typing import Literal

from msgspec import Struct

Detail = Literal["low", "high", "original", "auto"]

PATCH = 32
TILE = 512
TILE_LONG_SIDE = 2048
TILE_SHORT_SIDE = 768
MOST_PATCHES = 30_000
"""Above this number of patches the service answers 400 instead of shrinking."""
UNKNOWN_SIZE = (0, 0)
"""Width and height of an image that nobody here has seen: it is sent as its address."""


class ImageTooLarge(ValueError):
    """Refusal of an image that the service would refuse at this size and detail."""


class UnsupportedDetail(ValueError):
    """Refusal of a detail that the model does not know."""


class PatchLimit(Struct, frozen=True):
    """Limits of a detail: a longest side in pixels and, unless None, a number of patches."""

    max_side: int
    max_patches: int | None = None


class PatchRule(Struct, frozen=True):
    """Tokens = ceil(patches * multiplier).

    Attributes:
        multiplier: tokens a patch.
        low, high, original: what each detail shrinks to; `original` is None where unsupported.
        auto: the detail that the model takes for "auto".
        dearest_multiplier: the largest multiplier any edition of the guide names for the model.
            Editions disagree on the small models, so reservations use this one.
        most_patches: above it the service refuses the image.
    """

    multiplier: Fraction
    low: PatchLimit
    high: PatchLimit
    original: PatchLimit | None = None
    auto: Literal["low", "high", "original"] = "high"
    dearest_multiplier: Fraction | None = None
    most_patches: int = MOST_PATCHES

    def limit(self, detail: Detail) -> PatchLimit:
        """Limits of `detail`.

        Raises:
            UnsupportedDetail: the model does not know it.
        """
        named = {"low": self.low, "high": self.high, "original": self.original}
        limit = named.get(self.auto if detail == "auto" else detail)
        if limit is None:
            raise UnsupportedDetail(f"the model does not know the detail {detail!r}")
        return limit


class TileRule(Struct, frozen=True):
    """Tokens = base + tile * tiles; with detail "low" the base alone."""

    base: int
    tile: int


ImageRule = PatchRule | TileRule


def cells(width: int, height: int, side: int) -> int:
    """Number of squares of `side` pixels that cover width x height."""
    return -(-width // side) * -(-height // side)


def seen_size(width: int, height: int, rule: ImageRule, detail: Detail) -> tuple[int, int]:
    """Size in pixels that the model sees after the service's own resizing.

    Raises:
        UnsupportedDetail: the model does not know the detail.
        ValueError: a side below 1.
    """
    if min(width, height) < 1:
        raise ValueError(f"an image has no size {width}x{height}")
    if isinstance(rule, TileRule):
        return _seen_by_tiles(width, height, detail)
    return shrunk_size(width, height, rule.limit(detail))


def shrunk_size(width: int, height: int, limit: PatchLimit) -> tuple[int, int]:
    """Size in pixels that a patch model's service makes of width x height."""
    width, height = _fit(width, height, limit.max_side)
    if limit.max_patches is not None and cells(width, height, PATCH) > limit.max_patches:
        return _shrink_to_budget(width, height, limit.max_patches)
    return width, height


def image_tokens(width: int, height: int, rule: ImageRule, detail: Detail) -> int:
    """Prompt tokens of one image of width x height pixels.

    Raises:
        ImageTooLarge: the service would refuse it.
        UnsupportedDetail: the model does not know the detail.
        ValueError: a side below 1.
    """
    if isinstance(rule, TileRule):
        return rule.base + rule.tile * _tiles(width, height, rule, detail)
    return ceil(_patches(width, height, rule, detail) * rule.multiplier)


def highest_image_tokens(width: int, height: int, rule: ImageRule, detail: Detail) -> int:
    """Upper bound of the image's tokens, by the dearest edition of the guide, plus 1 for the
    service's floating point; raises as `image_tokens`."""
    if isinstance(rule, TileRule):
        return image_tokens(width, height, rule, detail) + 1
    multiplier = max(rule.multiplier, rule.dearest_multiplier or 0)
    return ceil(_patches(width, height, rule, detail) * multiplier) + 1


def most_image_tokens(rule: ImageRule, detail: Detail) -> int:
    """Upper bound of any image's tokens: the service shrinks it to the limits of the detail, or
    refuses it.

    Raises:
        UnsupportedDetail: the model does not know the detail.
    """
    if isinstance(rule, TileRule):
        # strips as long and as wide as both limits let them be need the most tiles
        return highest_image_tokens(TILE_LONG_SIDE, TILE_SHORT_SIDE, rule, detail)
    limit = rule.limit(detail)
    most = min(cells(limit.max_side, limit.max_side, PATCH), rule.most_patches)
    if limit.max_patches is not None:
        most = min(most, limit.max_patches)
    return ceil(most * max(rule.multiplier, rule.dearest_multiplier or 0)) + 1


def _patches(width: int, height: int, rule: PatchRule, detail: Detail) -> int:
    patches = cells(*seen_size(width, height, rule, detail), PATCH)
    if patches > rule.most_patches:
        raise ImageTooLarge(
            f"{width}x{height} needs {patches} patches of {PATCH} pixels with detail {detail!r}, "
            f"the service refuses more than {rule.most_patches}: send it smaller"
        )
    return patches


def _tiles(width: int, height: int, rule: TileRule, detail: Detail) -> int:
    size = seen_size(width, height, rule, detail)
    return 0 if detail == "low" else cells(*size, TILE)


def _seen_by_tiles(width: int, height: int, detail: Detail) -> tuple[int, int]:
    if detail == "original":
        raise UnsupportedDetail("the model does not know the detail 'original'")
    if detail == "low":
        return _fit(width, height, TILE)
    width, height = _fit(width, height, TILE_LONG_SIDE)
    short = min(width, height)
    if short <= TILE_SHORT_SIDE:
        return width, height
    return width * TILE_SHORT_SIDE // short, height * TILE_SHORT_SIDE // short


def _fit(width: int, height: int, max_side: int) -> tuple[int, int]:
    """Shrink the longer side to `max_side`; the other is rounded to the nearest whole pixel."""
    longest = max(width, height)
    if longest <= max_side:
        return width, height
    sides = (max(1, (2 * side * max_side + longest) // (2 * longest)) for side in (width, height))
    return next(sides), next(sides)


def _shrink_to_budget(width: int, height: int, budget: int) -> tuple[int, int]:
    """Shrink to at most `budget` patches.

    The guide scales by s = sqrt(32^2 * budget / (w * h)), then by the smaller of
    floor(w s / 32) / (w s / 32) and the same of h, and floors the sides. As
    (w s / 32)^2 = budget * w / h, the side that decides becomes a whole number of patches and
    the other follows the shape: no root is left.
    """
    across, down = isqrt(budget * width // height), isqrt(budget * height // width)
    if not across or not down:  # thinner than a row of all patches; no known limit gets here
        return (PATCH * budget, 1) if across else (1, PATCH * budget)
    if across * height <= down * width:
        return PATCH * across, max(1, PATCH * across * height // width)
    return max(1, PATCH * down * width // height), PATCH * down
