"""Pictures that look alike, by the Hamming distance of their hashes: every pair within the
distance is found, a million hashes in seconds.

Of 128 bits in m bands, two hashes within distance d agree up to floor(d / m) bits in at least one
band (the pigeonhole principle). So each band is looked up with every pattern of so few flipped
bits, and only what meets there is compared as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

from pipeline.records import Look

HASH_BYTES = 16
_BITS = 8 * HASH_BYTES
_MOST_CANDIDATES = 4_000_000  # pairs compared at once: about 200 MB
# Relative costs: of a pass over one pattern, of a lookup, of a whole comparison.
_PASS, _PROBE, _COMPARE = 5_000.0, 1.0, 4.0

Bits = NDArray[np.uint64]
Index = NDArray[np.int64]
Keys = NDArray[np.int32]


def same_shape(one: Look, other: Look) -> bool:
    """The second check against false pairs: proportions within an eighth."""
    left, right = one.width * other.height, other.width * one.height
    return 8 * abs(left - right) <= min(left, right)


def group(
    looks: list[Look], distance: int, agree: Callable[[Look, Look], bool] = same_shape
) -> dict[int, tuple[int, int]]:
    """Which looks are represented by another one: {position: (representative, distance)}.

    Each is within `distance` of its own representative; chains do not pull strangers together.
    """
    near: dict[int, list[tuple[int, int]]] = {}
    for one, other, bits in pairs([look.hash for look in looks], distance):
        if agree(looks[one], looks[other]):
            near.setdefault(one, []).append((bits, other))
            near.setdefault(other, []).append((bits, one))
    found: dict[int, tuple[int, int]] = {}
    for position in sorted(near, key=lambda p: _rank(looks[p])):
        if position in found:
            continue
        for bits, other in near[position]:
            if not looks[other].settled and bits < found.get(other, (0, _BITS + 1))[1]:
                found[other] = (position, bits)
        found.pop(position, None)
    return {member: best for member, best in found.items() if best[0] not in found}


def _rank(look: Look) -> tuple[bool, int, int, bytes]:
    return (not look.settled, -look.pixels, -look.sharpness, look.hash)


def pairs(hashes: list[bytes], distance: int) -> Iterator[tuple[int, int, int]]:
    """Every pair (i, j, bits) of hashes that differ in at most `distance` bits, i < j, once."""
    if len(hashes) < 2:
        return
    words = np.frombuffer(b"".join(hashes), dtype=">u8").reshape(-1, 2).astype(np.uint64)
    bands = _bands(len(hashes), distance)
    keys = [_keys(words, band, bands) for band in range(bands)]
    for band in range(bands):
        for one, other, bits in _pairs_of_band(words, keys, band, distance):
            yield from zip(one.tolist(), other.tolist(), bits.tolist(), strict=True)


def _bands(count: int, distance: int) -> int:
    """The number of bands that costs least for so many hashes."""

    def cost(bands: int) -> float:
        width = _BITS // bands
        probes = sum(comb(width, flips) for flips in range(distance // bands + 1))
        each = _PROBE + _COMPARE * count / 2**width
        return float(bands * (2**width + probes * (_PASS + count * each)))

    return min(range(5, 33), key=cost)


def _keys(words: Bits, band: int, bands: int) -> Keys:
    """The bits band, band + bands, band + 2 bands, ... of each hash: neighbours in a hash are
    alike, so they are dealt to different bands."""
    key = np.zeros(len(words), dtype=np.int32)
    for bit in range(band, _BITS, bands):
        value = (words[:, bit // 64] >> np.uint64(63 - bit % 64)) & np.uint64(1)
        key = (key << 1) | value.astype(np.int32)
    return key


def _pairs_of_band(
    words: Bits, keys: list[Keys], band: int, distance: int
) -> Iterator[tuple[Index, Index, Index]]:
    """Pairs that meet in this band and in no earlier one."""
    width = len(range(band, _BITS, len(keys)))
    most = distance // len(keys)
    order = np.argsort(keys[band], kind="stable")
    sorted_keys = keys[band][order]
    sizes = np.bincount(sorted_keys, minlength=1 << width).astype(np.int32)
    starts = np.cumsum(sizes, dtype=np.int64) - sizes
    for flips in range(most + 1):
        for bits in combinations(range(width), flips):
            mask = sum(1 << bit for bit in bits)
            for one, other in _meetings(sorted_keys, starts, sizes, mask):
                yield from _near(words, keys, band, order[one], order[other], distance)


def _meetings(
    sorted_keys: Keys, starts: Index, sizes: Keys, mask: int
) -> Iterator[tuple[Index, Index]]:
    """Positions (in sorted order) of all pairs whose keys differ by exactly `mask`, each once."""
    if mask:
        # of two keys that differ by the mask only one has its highest bit unset
        rows = np.flatnonzero((sorted_keys & (1 << (mask.bit_length() - 1))) == 0)
        targets = sorted_keys[rows] ^ np.int32(mask)
        met = np.flatnonzero(sizes[targets])
        rows, targets = rows[met], targets[met]
        first, counts = starts[targets], sizes[targets]
    else:
        rows = np.arange(len(sorted_keys))
        first = rows + 1  # within one bucket: only those behind
        counts = (starts[sorted_keys] + sizes[sorted_keys] - first).astype(np.int32)
        met = np.flatnonzero(counts)
        rows, first, counts = rows[met], first[met], counts[met]
    begin = 0
    ends = np.cumsum(counts, dtype=np.int64)
    while begin < len(rows):
        before = ends[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(ends, before + _MOST_CANDIDATES, "right")))
        count = counts[begin:end]
        offsets = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        yield np.repeat(rows[begin:end], count), np.repeat(first[begin:end], count) + offsets
        begin = end


def _near(
    words: Bits, keys: list[Keys], band: int, one: Index, other: Index, distance: int
) -> Iterator[tuple[Index, Index, Index]]:
    different = np.bitwise_count(words[one, 0] ^ words[other, 0]).astype(np.int64)
    different += np.bitwise_count(words[one, 1] ^ words[other, 1])
    close = different <= distance
    if not close.any():
        return
    one, other, different = one[close], other[close], different[close]
    most = distance // len(keys)
    new = np.ones(len(one), dtype=bool)
    for earlier in range(band):
        new &= np.bitwise_count(keys[earlier][one] ^ keys[earlier][other]) > most
    low, high = np.minimum(one, other)[new], np.maximum(one, other)[new]
    yield low, high, different[new]
