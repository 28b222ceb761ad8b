"""Pictures that look alike: which pairs of near hashes show the same, and which picture represents
which."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Protocol

from pipeline.core.near_representatives import representatives
from pipeline.core.sheets import may_be_sheets, same_sheet
from pipeline.records import HASH_BYTES, Appearance

_CHROMA, _LUMA = 24, 64  # of 255: in any part, and on average
_SAME_TONE = 6  # of 255: in any part of a flat picture
_FEW_BITS = 24  # of the hash of a picture with little structure, see `is_informative`


def same_shape(one: Appearance, other: Appearance) -> bool:
    """Check against false pairs: proportions within an eighth."""
    left, right = one.width * other.height, other.width * one.height
    return 8 * abs(left - right) <= min(left, right)


def same_colours(one: Appearance, other: Appearance) -> bool:
    """Check that a hash of grey gradients cannot make: the same shirt in red is no copy.

    Measured on 400 crops of photographs: of copies that were compressed, scaled, cropped, blurred,
    brighter, darker or more and less saturated 96 to 100 % pass, of those with turned hues 7 to
    25 % (the grey ones).
    """
    if not (one.colours and other.colours):
        return True
    apart = [abs(left - right) for left, right in zip(one.colours, other.colours, strict=True)]
    luma, chroma = apart[::3], apart[1::3] + apart[2::3]
    return max(chroma) <= _CHROMA and sum(luma) <= _LUMA * len(luma)


def is_informative(hash: bytes) -> bool:
    """Tell whether a hash tells pictures apart: that of a flat one, and that of one which only
    grows lighter to a side, as skies and blurred backgrounds do, is like every other's.

    Measured on 1,000 parts of photographs: with 20 bits of the whole hash 12 were merged with
    others that show something else, with 24 of its halves none.
    """
    right, down = hash[: HASH_BYTES // 2], hash[HASH_BYTES // 2 :]
    return _seldom_signs(right) + _seldom_signs(down) >= _FEW_BITS


def _seldom_signs(half: bytes) -> int:
    """Number of the gradients in one direction that have the sign of the fewer."""
    ones = int.from_bytes(half, "big").bit_count()
    return min(ones, 8 * len(half) - ones)


def is_confirmed(
    one: Appearance, other: Appearance, same_in_detail: Callable[[bool], bool]
) -> bool:
    """Check a pair of near hashes against false pairs.

    Hashes of flat pictures tell nothing, and those of pages little: such are compared in detail,
    the flat ones by their colours too.

    Args:
        one: an appearance.
        other: another one whose hash is near.
        same_in_detail: `sheets.same_sheet` of the two, for flat pictures or others.
    """
    if not (same_shape(one, other) and same_colours(one, other)):
        return False
    if not (is_informative(one.hash) and is_informative(other.hash)):
        return _same_tones(one, other) and same_in_detail(True)
    return not may_be_sheets(one.flat_share, other.flat_share) or same_in_detail(False)


def _same_tones(one: Appearance, other: Appearance) -> bool:
    """Tell whether only compression keeps colours apart; False when they are not known."""
    if not (one.colours and other.colours):
        return False
    pairs_of_parts = zip(one.colours, other.colours, strict=True)
    return max(abs(left - right) for left, right in pairs_of_parts) <= _SAME_TONE


class Appearances(Protocol):
    """Appearances of pictures by their positions, each made when it is asked for.

    They come in the order in which they represent others: first those that are fixed, which nothing
    may represent, since they are paid for or under way; then the largest, then the sharpest.
    """

    @property
    def hashes(self) -> bytes | bytearray:
        """Hashes of all, HASH_BYTES each, one behind the other."""
        ...

    @property
    def fixed(self) -> int:
        """Number of those that are fixed, the first ones."""
        ...

    def __getitem__(self, position: int, /) -> Appearance:
        """Appearance at a position."""
        ...


def group(
    appearances: Appearances, distance: int, detail: Callable[[int], bytes] = lambda _: b""
) -> Iterator[tuple[int, int, int]]:
    """Choose which appearances represent others: (position, position of its representative,
    distance).

    Each is within `distance` of its own representative; chains do not pull strangers together.

    Args:
        distance: most bits in which two hashes differ.
        detail: what `sheets.pack` gave for a position, b"" when it is not known.
    """

    def confirmed(one: int, other: int) -> bool:
        same = partial(_same_sheet, detail, one, other)
        return is_confirmed(appearances[one], appearances[other], same)

    return representatives(appearances.hashes, distance, appearances.fixed, confirmed)


def _same_sheet(detail: Callable[[int], bytes], one: int, other: int, flat: bool) -> bool:
    return same_sheet(detail(one), detail(other), flat=flat)
