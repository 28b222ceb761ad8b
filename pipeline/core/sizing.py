"""Size to send an image in: the best picture for the fewest tokens.

The rule, for every policy:

1. The largest size is the largest one of the source's shape that the policy allows and that the
   service keeps as it is, and no larger than the service itself would make the source. Nothing
   is ever enlarged.
2. The short side is the nearest whole pixel, or up to `shape_pixels` below the exact value when
   that saves a row of patches or tiles.
3. The long side may then give way by at most `shrink_percent`: of these sizes the one with the
   most pixels^2 a patch (a token, for tiles) is taken, the larger one of equals. A size that
   reaches a few pixels into another row or column loses to the one that just fills the rows
   before; the square keeps a size that would lose more than half as many pixels as tokens.
4. A short side below `min_sent_side`, where the source has more, grows to it, and the long side
   with it, as far as the service takes it as it is: a strip of a few pixels shows nothing.

But for such strips the tokens are never more than those of the source or of a plain resize that
the service keeps, and grow with the target only.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from msgspec import Struct, to_builtins

from pipeline.core.image_tokens import PATCH, PatchLimit, cells, shrunk_size

MIN_SENT_SIDE = 28
"""Pixels: some services refuse images with a shorter side."""


class SizePolicy(Struct, frozen=True):
    """Policy of sizes as the user wants it.

    Attributes:
        kind: "long_side" (value: pixels), "tokens" (value: at most so many tokens an image) or
            "model" (as large as the service leaves it; no value).
        value: see kind; None for "model".
        shrink_percent: how far the long side may give way to fill whole patches.
        shape_pixels: how far the short side may fall below the exact shape for the same reason.
        min_sent_side: the least short side in pixels, where the source has it.
    """

    kind: Literal["long_side", "tokens", "model"] = "long_side"
    value: int | None = 512
    shrink_percent: int = 3
    shape_pixels: int = 1
    min_sent_side: int = MIN_SENT_SIDE

    def __post_init__(self) -> None:
        """Refuse impossible values with a ValueError."""
        if self.kind == "model":
            if self.value is not None:
                raise ValueError("the size policy 'model' takes no value")
        elif self.value is None or self.value < 1:
            raise ValueError(f"the size policy {self.kind!r} needs a value of at least 1")
        if not 0 <= self.shrink_percent <= 50:
            raise ValueError("shrink_percent must be between 0 and 50")
        if not 0 <= self.shape_pixels < PATCH:
            raise ValueError(f"shape_pixels must be between 0 and {PATCH - 1}")
        if self.min_sent_side < 1:
            raise ValueError("min_sent_side must be at least 1")

    def canonical(self) -> dict[str, object]:
        """Policy as plain values. A recipe hashes `Sizing.canonical` instead, because the
        same policy gives other sizes for another model."""
        return {
            "kind": self.kind,
            "value": self.value,
            "shrink_percent": self.shrink_percent,
            "shape_pixels": self.shape_pixels,
        }


class Sizing(Struct, frozen=True):
    """Policy bound to a model and a detail: all that decides a size, and nothing else.

    Attributes:
        cell: side in pixels of a patch or tile; 1 when the model's rule is unknown.
        max_side, max_short: longest allowed sides in pixels.
        max_cells: most patches or tiles.
        service: the limits to which the service shrinks a source, None where they cannot matter.
        base, per_cell: relative price, base + per_cell * cells, by which sizes are compared.
        shrink_percent, shape_pixels, min_sent_side: see SizePolicy.
        grown_side, grown_cells: how far an image may grow for the sake of its short side.
    """

    cell: int
    max_side: int
    max_short: int
    max_cells: int
    service: PatchLimit | None
    base: int
    per_cell: int
    shrink_percent: int
    shape_pixels: int
    min_sent_side: int
    grown_side: int
    grown_cells: int

    def canonical(self) -> dict[str, object]:
        """Plain values for the recipe's hash: two models that size alike share their images.
        What only shapes strips is left out while it has its default, or where none grow."""
        values: dict[str, object] = to_builtins(self)
        if self.min_sent_side in (1, MIN_SENT_SIDE):
            del values["grown_side"], values["grown_cells"]
        if self.min_sent_side == MIN_SENT_SIDE:
            del values["min_sent_side"]
        return values

    def choose(self, width: int, height: int) -> tuple[int, int]:
        """Size in pixels to send an upright source of width x height in.

        Raises:
            ValueError: a side below 1.
        """
        if min(width, height) < 1:
            raise ValueError(f"an image has no size {width}x{height}")
        if width >= height:
            return _remembered_size(self, width, height)
        tall, narrow = _remembered_size(self, height, width)
        return narrow, tall

    def not_thin(self, long: int, short: int) -> tuple[int, int]:
        """Size for a source with these sides; see `choose`."""
        size, least = self._choose(long, short), min(short, self.min_sent_side, self.max_side)
        if size[1] >= least:
            return size
        side = min(long, long * least // short, self.grown_side)
        side = min(side, self.cell * (self.grown_cells // -(-least // self.cell)))
        return max(size, (side, min(least, max(1, round(side * short / long)))))

    def _choose(self, long: int, short: int) -> tuple[int, int]:
        side = self._largest(long, short)
        last = side * (100 - self.shrink_percent) // 100
        best = (side, self._short_at(side, long, short))
        while side and side >= last:
            size = (side, self._short_at(side, long, short))
            if self._better(size, best):
                best = size
            side = self._next_fewer_cells(*size, long, short)
        return best

    def _largest(self, long: int, short: int) -> int:
        """Largest long side within all limits (binary search: cells grow with the side)."""
        top = min(long, self.max_side)
        most = self._most_cells(long, short)
        if self._within(top, self._short_at(top, long, short), most):
            return top
        low, high = 1, top
        while high - low > 1:
            middle = (low + high) // 2
            if self._within(middle, self._short_at(middle, long, short), most):
                low = middle
            else:
                high = middle
        return low

    def _most_cells(self, long: int, short: int) -> int:
        if self.service is None:
            return self.max_cells
        return min(self.max_cells, cells(*shrunk_size(long, short, self.service), self.cell))

    def _within(self, side: int, other: int, most: int) -> bool:
        return other <= self.max_short and cells(side, other, self.cell) <= most

    def _short_at(self, side: int, long: int, short: int) -> int:
        """Short side for a long side of `side` pixels."""
        nearest = max(1, (2 * side * short + long) // (2 * long))
        filled = nearest - nearest % self.cell
        if filled and (filled + self.shape_pixels) * long > side * short:
            return filled
        return nearest

    def _next_fewer_cells(self, side: int, other: int, long: int, short: int) -> int:
        """Largest long side below `side` that needs fewer rows or columns; 0 if none."""
        if not self.per_cell:
            return 0
        columns, rows = -(-side // self.cell), -(-other // self.cell)
        if rows == 1:
            return self.cell * (columns - 1)
        # `_short_at` is at most `pixels` while side * short / long < pixels + slack.
        pixels, twice_slack = self.cell * (rows - 1), max(1, 2 * self.shape_pixels)
        fewer_rows = ((2 * pixels + twice_slack) * long - 1) // (2 * short)
        return max(self.cell * (columns - 1), fewer_rows)

    def _better(self, size: tuple[int, int], other: tuple[int, int]) -> bool:
        """Compare sizes: whether `size` has more pixels^2 for its price."""
        ours, theirs = (size[0] * size[1]) ** 2, (other[0] * other[1]) ** 2
        return ours * self._price(*other) > theirs * self._price(*size)

    def _price(self, width: int, height: int) -> int:
        return self.base + self.per_cell * cells(width, height, self.cell)


@lru_cache(maxsize=4096)
def _remembered_size(sizing: Sizing, long: int, short: int) -> tuple[int, int]:
    """Size of a source with these sides: many images of a data set share theirs."""
    return sizing.not_thin(long, short)
