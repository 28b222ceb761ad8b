"""Pictures that look alike, by the Hamming distance of their hashes: every pair within the
distance is found, a million hashes in seconds.

Of 128 bits in m bands, two hashes within distance d agree up to so few bits in at least one band
(the pigeonhole principle, see `_radii`). So each band is looked up with every pattern of so few
flipped bits, and only what meets there is compared as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations
from math import comb
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.core.sheets import may_be_sheets, same_sheet
from pipeline.records import HASH_BYTES, Appearance

_BITS = 8 * HASH_BYTES
_CHROMA, _LUMA = 24, 64  # of 255: in any part, and on average
_SAME_TONE = 6  # of 255: in any part of a flat picture
_FEW_BITS = 24  # of the hash of a picture with little structure, see `is_informative`
_MOST_CANDIDATES = 1_000_000  # pairs compared at once: about 50 MB
# Relative costs: of a pass over one pattern, of a lookup, of a comparison.
_PASS, _PROBE, _COMPARE = 5_000.0, 1.0, 1.5

Bits = NDArray[np.uint64]
Index = NDArray[np.int64]
Keys = NDArray[np.int32]


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
    """Appearances of pictures by their positions, each made when it is asked for; all hashes lie
    one behind the other."""

    @property
    def hashes(self) -> bytes | bytearray:
        """HASH_BYTES of each."""
        ...

    def __getitem__(self, position: int, /) -> Appearance:
        """Appearance at a position."""
        ...


def group(
    appearances: Appearances, distance: int, detail: Callable[[int], bytes] = lambda _: b""
) -> dict[int, tuple[int, int]]:
    """Choose which appearances stand for others: {position: (representative, distance)}.

    Each is within `distance` of its own representative; chains do not pull strangers together.

    Args:
        appearances: of pictures, in any order.
        distance: most bits in which two hashes differ.
        detail: what `sheets.pack` gave for a position, b"" when it is not known.
    """
    neighbours: dict[int, list[tuple[int, int]]] = {}
    for one, other, bits in pairs(appearances.hashes, distance):
        if is_confirmed(
            appearances[one], appearances[other], partial(_same_sheet, detail, one, other)
        ):
            neighbours.setdefault(one, []).append((bits, other))
            neighbours.setdefault(other, []).append((bits, one))
    represented: dict[int, tuple[int, int]] = {}
    for position in sorted(neighbours, key=lambda p: _rank(appearances[p])):
        if position in represented:
            continue
        for bits, other in neighbours[position]:
            if not appearances[other].settled and bits < represented.get(other, (0, _BITS + 1))[1]:
                represented[other] = (position, bits)
        represented.pop(position, None)
    return {member: best for member, best in represented.items() if best[0] not in represented}


def _same_sheet(detail: Callable[[int], bytes], one: int, other: int, flat: bool) -> bool:
    return same_sheet(detail(one), detail(other), flat=flat)


def _rank(appearance: Appearance) -> tuple[bool, int, int, bytes]:
    return (not appearance.settled, -appearance.pixels, -appearance.sharpness, appearance.hash)


def pairs(hashes: bytes | bytearray, distance: int) -> Iterator[tuple[int, int, int]]:
    """Every pair (i, j, bits) of hashes that differ in at most `distance` bits, i < j, once.

    Beside the hashes this takes about 50 bytes for each.
    """
    words = np.frombuffer(hashes, dtype=">u8").reshape(-1, 2)
    if len(words) < 2:
        return
    bands = _bands(len(words), distance)
    radii = _radii(bands, distance)
    for band in range(len(radii)):
        for one, other, bits in _pairs_of_band(words, bands, radii, band, distance):
            yield from zip(one.tolist(), other.tolist(), bits.tolist(), strict=True)


def _bands(count: int, distance: int) -> int:
    """Number of bands that costs least for so many hashes."""

    def cost(bands: int) -> float:
        width = _BITS // bands
        each = _PASS + count * (_PROBE + _COMPARE * count / 2**width)
        probes = sum(
            comb(width, flips) for radius in _radii(bands, distance) for flips in range(radius + 1)
        )
        return float(bands * 2**width + probes * each)

    return min(range(5, 33), key=cost)


def _radii(bands: int, distance: int) -> list[int]:
    """Bits of each band that may differ, so that no pair within `distance` is missed.

    A pair that differs by more in every band differs in at least the sum of (radius + 1) bits;
    these radii make that distance + 1, and no smaller ones do. Bands at the end that need not be
    looked at have none.
    """
    most, rest = divmod(distance, bands)
    return [most] * (rest + 1) + [most - 1] * (bands - rest - 1 if most else 0)


def _keys(words: Bits, band: int, bands: int) -> Keys:
    """Bits band, band + bands, band + 2 bands, ... of each hash: neighbours in a hash are
    alike, so they are dealt to different bands."""
    key = np.zeros(len(words), dtype=np.int32)
    for bit in range(band, _BITS, bands):
        value = (words[:, bit // 64] >> np.uint64(63 - bit % 64)) & np.uint64(1)
        key = (key << 1) | value.astype(np.int32)
    return key


def _pairs_of_band(
    words: Bits, bands: int, radii: list[int], band: int, distance: int
) -> Iterator[tuple[Index, Index, Index]]:
    """Pairs that meet in this band and in no earlier one."""
    keys = _keys(words, band, bands)
    order = np.argsort(keys, kind="stable").astype(np.uint32)
    # in the order of the keys, so that what is compared lies together in memory
    high, low = words[order, 0].astype(np.uint64), words[order, 1].astype(np.uint64)
    width = len(range(band, _BITS, bands))
    for one, other in _meetings(keys[order], width, radii[band]):
        one, other, different = _close(high, low, one, other, distance)
        if len(one):
            apart = high[one] ^ high[other], low[one] ^ low[other]
            new = _is_new(np.stack(apart, axis=1), bands, radii[:band])
            first, second = order[one[new]], order[other[new]]
            yield np.minimum(first, second), np.maximum(first, second), different[new]


def _meetings(keys: Keys, width: int, radius: int) -> Iterator[tuple[Index, Index]]:
    """Positions in the sorted `keys` of all pairs that differ in at most `radius` of `width` bits,
    each pair once."""
    sizes = np.bincount(keys, minlength=1 << width).astype(np.int32)
    starts = np.cumsum(sizes, dtype=np.int64) - sizes
    there = sizes > 0  # a byte each, so that they stay in the cache
    behind = np.arange(1, len(keys) + 1)
    counts = (starts[keys] + sizes[keys] - behind).astype(np.int32)
    more = np.flatnonzero(counts)
    yield from _spread(more, behind[more], counts[more])
    for highest in range(width if radius else 0):
        # of two keys that differ by a mask only one has the mask's highest bit unset
        rows = np.flatnonzero((keys & (1 << highest)) == 0)
        without = keys[rows]
        for mask in _masks(highest, radius):
            targets = without ^ np.int32(mask)
            met = np.flatnonzero(there[targets])
            targets = targets[met]
            yield from _spread(rows[met], starts[targets], sizes[targets])


def _masks(highest: int, radius: int) -> Iterator[int]:
    """Numbers of at most `radius` set bits, the highest of which is `highest`."""
    for flips in range(radius):
        for bits in combinations(range(highest), flips):
            yield (1 << highest) + sum(1 << bit for bit in bits)


def _spread(rows: Index, first: Index, counts: Keys) -> Iterator[tuple[Index, Index]]:
    """Each row with each of the `counts` positions from `first` on, so many at once."""
    begin = 0
    ends = np.cumsum(counts, dtype=np.int64)
    while begin < len(rows):
        before = ends[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(ends, before + _MOST_CANDIDATES, "right")))
        count = counts[begin:end]
        offsets = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        yield np.repeat(rows[begin:end], count), np.repeat(first[begin:end], count) + offsets
        begin = end


def _close(
    high: Bits, low: Bits, one: Index, other: Index, distance: int
) -> tuple[Index, Index, Index]:
    """Those of the pairs that differ in at most `distance` bits, and in how many."""
    # half of the bits already tells nearly all strangers
    different = np.bitwise_count(high[one] ^ high[other])
    maybe = np.flatnonzero(different <= distance)
    one, other = one[maybe], other[maybe]
    bits = different[maybe].astype(np.int64) + np.bitwise_count(low[one] ^ low[other])
    close = bits <= distance
    return one[close], other[close], bits[close]


def _is_new(apart: Bits, bands: int, radii: list[int]) -> NDArray[np.bool_]:
    """Tell which pairs, by the bits in which they differ, did not meet in one of the first bands,
    whose radii are given."""
    new = np.ones(len(apart), dtype=bool)
    for band, radius in enumerate(radii):
        new &= np.bitwise_count(_keys(apart, band, bands)) > radius
    return new
