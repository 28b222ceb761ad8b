"""Pairs of hashes that differ in few bits: every pair within a distance, a million hashes in
seconds.

Of 128 bits in m bands, two hashes within distance d agree up to so few bits in at least one band
(the pigeonhole principle, see `_radii`). So each band is looked up with every pattern of so few
flipped bits, and only what meets there is compared as a whole.

A band is searched by blocks: those hashes whose bits of the band, the key, begin alike. Blocks meet
whose numbers differ in few bits, two at a time, so what is compared lies together in the cache, and
beside the hashes only their order by blocks is held.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import combinations
from math import comb

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from pipeline.records import HASH_BYTES

_BITS = 8 * HASH_BYTES
_BLOCK = 65_536  # hashes of a block, about, and of a piece at most
_HELD = 12  # pieces: 25 MB
_MOST_CANDIDATES = 262_144  # pairs compared at once: about 13 MB
# Relative costs: of a pass over one pattern, of a lookup, of a comparison.
_PASS, _PROBE, _COMPARE = 5_000.0, 1.0, 1.5

Rows = NDArray[np.uint8]
Bits = NDArray[np.uint64]
Index = NDArray[np.int64]
Keys = NDArray[np.int32]
Positions = NDArray[np.uint32]


class _Piece(Struct, frozen=True):
    """Hashes of one block in the order of their keys.

    Attributes:
        positions: of the hashes.
        words: of the hashes, two columns.
        keys: what follows the block's number in each key.
        starts, sizes: where the hashes of each key are.
        there: whether a key has any; a byte each, so that they stay in the cache.
    """

    positions: Positions
    words: tuple[Bits, Bits]
    keys: Keys
    starts: Keys
    sizes: Keys
    there: NDArray[np.bool_]


def pairs(hashes: bytes | bytearray, distance: int) -> Iterator[tuple[Positions, Positions, Index]]:
    """Every pair (i, j, bits) of hashes that differ in at most `distance` bits, i < j, once; many
    at a time, by columns.

    Beside the hashes this takes 4 bytes for each, and up to 60 MB.
    """
    rows = np.frombuffer(hashes, dtype=np.uint8).reshape(-1, HASH_BYTES)
    if len(rows) < 2:
        return
    bands = _bands(len(rows), distance)
    radii = _radii(bands, distance)
    for band in range(len(radii)):
        yield from _Band(rows, bands, radii, band).pairs(distance)


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


class _Band:
    """Hashes by the bits of one band."""

    def __init__(self, rows: Rows, bands: int, radii: list[int], band: int) -> None:
        self._rows, self._bands, self._radii, self._band = rows, bands, radii, band
        width = len(range(band, _BITS, bands))
        self._top = min(width, max(0, (len(rows) // _BLOCK).bit_length()))
        self._low = width - self._top
        self._order, ends = self._by_blocks()
        self._pieces: list[list[tuple[int, int]]] = [
            [(at, min(at + _BLOCK, end)) for at in range(begin, end, _BLOCK)]
            for begin, end in zip([0, *ends[:-1]], ends, strict=True)
        ]
        for begin, end in (piece for block in self._pieces for piece in block):
            positions = self._order[begin:end]
            self._order[begin:end] = positions[np.argsort(self._keys(positions), kind="stable")]

    def _keys(self, positions: Positions | slice) -> Keys:
        return _keys(self._rows[positions], self._band, self._bands)

    def _by_blocks(self) -> tuple[Positions, list[int]]:
        """Positions of all hashes by their blocks, and where each block ends."""
        count, blocks = len(self._rows), 1 << self._top
        parts = [slice(at, min(at + _BLOCK, count)) for at in range(0, count, _BLOCK)]
        sizes = np.zeros(blocks, dtype=np.int64)
        for part in parts:
            sizes += np.bincount(self._keys(part) >> self._low, minlength=blocks)
        ends = np.cumsum(sizes)
        free, order = ends - sizes, np.empty(count, dtype=np.uint32)
        for part in parts:
            block = self._keys(part) >> self._low
            in_order = np.argsort(block, kind="stable")
            block, here = block[in_order], np.bincount(block, minlength=blocks)
            behind = np.arange(len(block)) - (np.cumsum(here) - here)[block]
            order[free[block] + behind] = in_order + part.start
            free += here
        return order, ends.tolist()

    def _piece(self, place: tuple[int, int]) -> _Piece:
        positions = self._order[slice(*place)]
        rows = self._rows[positions]
        words = rows.view(np.uint64)
        keys = _keys(rows, self._band, self._bands) & np.int32((1 << self._low) - 1)
        sizes = np.bincount(keys, minlength=1 << self._low).astype(np.int32)
        starts = np.cumsum(sizes, dtype=np.int32) - sizes
        high, low = np.ascontiguousarray(words[:, 0]), np.ascontiguousarray(words[:, 1])
        return _Piece(positions, (high, low), keys, starts, sizes, sizes > 0)

    def pairs(self, distance: int) -> Iterator[tuple[Positions, Positions, Index]]:
        """Pairs that meet in this band and in no earlier one."""
        for left, right, meetings in self._meetings():
            for one, other in meetings:
                one, other, different = _close(left, right, one, other, distance)
                if len(one):
                    apart = [
                        a[one] ^ b[other] for a, b in zip(left.words, right.words, strict=True)
                    ]
                    new = self._is_new(np.stack(apart, axis=1).view(np.uint8))
                    first, second = left.positions[one[new]], right.positions[other[new]]
                    yield np.minimum(first, second), np.maximum(first, second), different[new]

    def _meetings(self) -> Iterator[tuple[_Piece, _Piece, Iterator[tuple[Index, Index]]]]:
        """Two pieces and what meets there, for all that may; each two once."""
        radius = self._radii[self._band]
        # no attribute: a band that holds itself is freed late
        piece = lru_cache(_HELD)(self._piece)
        for block, pieces in enumerate(self._pieces):
            for number, place in enumerate(pieces):
                left = piece(place)
                yield left, left, _within(left, self._low, radius)
                for other in pieces[number + 1 :]:
                    right = piece(other)
                    yield left, right, _between(left, right, self._low, radius)
            for mask in _masks(self._top, radius):
                if block < block ^ mask:
                    rest = radius - mask.bit_count()
                    for place in pieces:
                        left = piece(place)
                        for other in self._pieces[block ^ mask]:
                            right = piece(other)
                            yield left, right, _between(left, right, self._low, rest)

    def _is_new(self, apart: Rows) -> NDArray[np.bool_]:
        """Tell which pairs, by the bits in which they differ, met in no earlier band."""
        new = np.ones(len(apart), dtype=bool)
        for band, radius in enumerate(self._radii[: self._band]):
            new &= np.bitwise_count(_keys(apart, band, self._bands)) > radius
        return new


def _keys(rows: Rows, band: int, bands: int) -> Keys:
    """Bits band, band + bands, band + 2 bands, ... of each hash: neighbours in a hash are
    alike, so they are dealt to different bands."""
    keys = np.zeros(len(rows), dtype=np.int32)
    for byte, part in enumerate(_parts_of_keys(band, bands)):
        keys |= part[rows[:, byte]]
    return keys


@lru_cache(2 * _BITS)
def _parts_of_keys(band: int, bands: int) -> list[Keys]:
    """Parts of keys: what each byte of a hash adds to its key, for each value of the byte."""
    bits = list(range(band, _BITS, bands))
    values = np.arange(256, dtype=np.int32)
    parts = [np.zeros(256, dtype=np.int32) for _ in range(HASH_BYTES)]
    for place, bit in enumerate(reversed(bits)):
        parts[bit // 8] |= ((values >> (7 - bit % 8)) & 1) << place
    return parts


def _within(piece: _Piece, width: int, radius: int) -> Iterator[tuple[Index, Index]]:
    """Places in a piece of all pairs whose keys differ in at most `radius` of `width` bits, each
    pair once."""
    keys = piece.keys
    behind = np.arange(1, len(keys) + 1)
    counts = (piece.starts[keys] + piece.sizes[keys] - behind).astype(np.int32)
    more = np.flatnonzero(counts)
    yield from _spread(more, behind[more], counts[more])
    for highest in range(width if radius else 0):
        # of two keys that differ by a mask only one has the mask's highest bit unset
        rows = np.flatnonzero((keys & (1 << highest)) == 0)
        without = keys[rows]
        for mask in _masks(highest, radius - 1):
            targets = without ^ np.int32((1 << highest) | mask)
            met = np.flatnonzero(piece.there[targets])
            targets = targets[met]
            yield from _spread(rows[met], piece.starts[targets], piece.sizes[targets])


def _between(left: _Piece, right: _Piece, width: int, radius: int) -> Iterator[tuple[Index, Index]]:
    """Places in two pieces of all pairs whose keys differ in at most `radius` of `width` bits."""
    for mask in _masks(width, radius):
        targets = left.keys ^ np.int32(mask)
        met = np.flatnonzero(right.there[targets])
        targets = targets[met]
        yield from _spread(met, right.starts[targets], right.sizes[targets])


def _masks(width: int, radius: int) -> Iterator[int]:
    """Numbers of `width` bits of which at most `radius` are set, 0 first."""
    for flips in range(radius + 1):
        for bits in combinations(range(width), flips):
            yield sum(1 << bit for bit in bits)


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
    left: _Piece, right: _Piece, one: Index, other: Index, distance: int
) -> tuple[Index, Index, Index]:
    """Those of the pairs that differ in at most `distance` bits, and in how many."""
    # half of the bits already tells nearly all strangers
    different = np.bitwise_count(left.words[0][one] ^ right.words[0][other])
    maybe = np.flatnonzero(different <= distance)
    one, other = one[maybe], other[maybe]
    rest = np.bitwise_count(left.words[1][one] ^ right.words[1][other])
    bits = different[maybe].astype(np.int64) + rest
    close = bits <= distance
    return one[close], other[close], bits[close]
