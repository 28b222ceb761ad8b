"""Positions of near hashes that stand for others, in bounded memory: 5 bytes a hash, and 30 MB of
pairs, though frames of a video have a hundred pairs each.

The first hash stands for those that are near to it, the next one that nothing stands for likewise,
and so on: pairs are needed in the order of their first positions only. They are found in another
order, so what is too much of them is left to another search, from which those have gone that are
represented by then.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline.core.near_hashes import pairs
from pipeline.records import HASH_BYTES

_MOST_PAIRS = 1_000_000
# searches that leave pairs to the next one before they are confirmed, which takes longer than to
# find them; then it must be, as very many may be near and none confirmed, such as blank pages
_QUICK = 3
_PAGE = 10_000  # pairs that are looked at one by one
_NOBODY = 0xFFFF_FFFF
_FAR = 255  # more bits than any two hashes differ in

_PAIR = np.dtype([("one", "u4"), ("other", "u4"), ("bits", "u1"), ("confirmed", "?")])
_Pairs = NDArray[np.void]


def representatives(
    hashes: bytes | bytearray,
    distance: int,
    settled: int,
    is_confirmed: Callable[[int, int], bool],
) -> Iterator[tuple[int, int, int]]:
    """Choose (position, position of the hash that stands for it, bits in which they differ), each
    represented by the nearest of those that represent.

    Args:
        settled: number of hashes, the first ones, for which nothing stands.
        is_confirmed: check of a pair of near hashes.
    """
    count = len(hashes) // HASH_BYTES
    choice = _Choice(count, is_confirmed)
    start = search = 0
    while start < count:
        start = choice.take(hashes, distance, settled, start, sure=search >= _QUICK)
        search += 1
    each = zip(range(count), choice.by, choice.bits, strict=True)
    return (one for one in each if one[1] != _NOBODY)


class _Choice:
    """Representatives so far.

    Attributes:
        by: position of each hash's representative.
        bits: in which the two differ.
    """

    def __init__(self, count: int, is_confirmed: Callable[[int, int], bool]) -> None:
        self.by, self.bits = array("I", [_NOBODY]) * count, bytearray([_FAR]) * count
        self._is_confirmed = is_confirmed

    def take(
        self, hashes: bytes | bytearray, distance: int, settled: int, start: int, *, sure: bool
    ) -> int:
        """Let hashes represent others, from a position on; gives the first that must wait. `sure`
        is to hold no more pairs than are confirmed."""
        end, free = len(self.by), np.frombuffer(self.by, np.uint32) == _NOBODY
        held, waiting, count = np.empty(0, _PAIR), list[_Pairs](), 0
        for one, other, bits in pairs(hashes, distance):
            wanted = (one >= start) & (one < end) & free[one] & (other >= settled)
            new = np.zeros(np.count_nonzero(wanted), _PAIR)
            new["one"], new["other"], new["bits"] = one[wanted], other[wanted], bits[wanted]
            waiting.append(new)
            count += len(new)
            if count > _MOST_PAIRS:
                held, waiting = _in_order(np.concatenate([held, *waiting])), []
                held, end = _cut(self._confirmed(held) if sure else held, end)
                count = min(len(held), _MOST_PAIRS // 2)
        self._represent(_in_order(np.concatenate([held, *waiting])))
        return end

    def _confirmed(self, in_order: _Pairs) -> _Pairs:
        """Those of the pairs that are confirmed."""
        for page in _pages(in_order):
            page["confirmed"] = [
                sure or self._is_confirmed(one, other) for one, other, _, sure in page.tolist()
            ]
        confirmed: _Pairs = in_order[in_order["confirmed"]]
        return confirmed

    def _represent(self, in_order: _Pairs) -> None:
        by, of = self.by, self.bits
        for page in _pages(in_order):
            for one, other, bits, sure in page.tolist():
                if (
                    by[one] == _NOBODY
                    and bits < of[other]
                    and (sure or self._is_confirmed(one, other))
                ):
                    by[other], of[other] = one, bits


def _cut(in_order: _Pairs, end: int) -> tuple[_Pairs, int]:
    """Pairs of the first positions, half as many as are held at most, and the position behind."""
    if len(in_order) <= _MOST_PAIRS // 2:
        return in_order, end
    end = max(int(in_order["one"][_MOST_PAIRS // 2]), int(in_order["one"][0]) + 1)
    return in_order[in_order["one"] < end], end


def _in_order(some: _Pairs) -> _Pairs:
    in_order: _Pairs = some[np.argsort(some["one"], kind="stable")]
    return in_order


def _pages(some: _Pairs) -> Iterator[_Pairs]:
    for start in range(0, len(some), _PAGE):
        yield some[start : start + _PAGE]
