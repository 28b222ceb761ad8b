"""Representatives of near hashes, chosen in bounded memory: 5 bytes a hash, and 30 MB of pairs,
however many there are (frames of a video have a hundred each).

The first hash represents all that are near to it; so does the next one that is not represented
itself, and so on. For this the pairs are needed in the order of their first positions, but a search
finds them in another order. So a search holds the pairs of the first positions, as many as there is
room for, and leaves the others to the next search. By then many have been represented, and their
own pairs are not needed any more.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline.core.near_hashes import pairs
from pipeline.records import HASH_BYTES

_MOST_PAIRS = 1_000_000
# The first searches hold pairs before they are confirmed: to confirm one takes longer than to find
# it, and most of those that are cut off are never needed. Later ones hold confirmed pairs alone: of
# blank pages all are near and none is confirmed, so that each million would take its own search.
_UNCONFIRMED_SEARCHES = 3
_PAGE = 10_000  # pairs that become Python objects at once
_NOBODY = 0xFFFF_FFFF  # in the place of a representative's position
_FAR = 255  # more bits than any two hashes differ in

_PAIR = np.dtype([("one", "u4"), ("other", "u4"), ("bits", "u1"), ("confirmed", "?")])
_Pairs = NDArray[np.void]


def representatives(
    hashes: bytes | bytearray,
    distance: int,
    fixed: int,
    is_confirmed: Callable[[int, int], bool],
) -> Iterator[tuple[int, int, int]]:
    """Choose representatives; gives (position, position of its representative, bits in which they
    differ) of each hash that is represented. Of several the nearest represents it.

    Args:
        fixed: number of hashes at the beginning that nothing may represent.
        is_confirmed: check of a pair of near hashes, by their positions.
    """
    count = len(hashes) // HASH_BYTES
    choice = _Choice(count, is_confirmed)
    start = search = 0
    while start < count:
        confirm = search >= _UNCONFIRMED_SEARCHES
        start = choice.search(hashes, distance, fixed, start, confirm=confirm)
        search += 1
    each = zip(range(count), choice.by, choice.bits, strict=True)
    return (one for one in each if one[1] != _NOBODY)


class _Choice:
    """Representatives that are chosen so far.

    Attributes:
        by: position of each hash's representative, `_NOBODY` for none.
        bits: number of bits in which the two differ.
    """

    def __init__(self, count: int, is_confirmed: Callable[[int, int], bool]) -> None:
        self.by, self.bits = array("I", [_NOBODY]) * count, bytearray([_FAR]) * count
        self._is_confirmed = is_confirmed

    def search(
        self, hashes: bytes | bytearray, distance: int, fixed: int, start: int, *, confirm: bool
    ) -> int:
        """Let hashes represent others, from the position `start` on; gives the first position whose
        pairs there was no room for. `confirm` is to hold confirmed pairs only."""
        end, free = len(self.by), np.frombuffer(self.by, np.uint32) == _NOBODY
        held, unsorted, count = np.empty(0, _PAIR), list[_Pairs](), 0
        for one, other, bits in pairs(hashes, distance):
            wanted = (one >= start) & (one < end) & free[one] & (other >= fixed)
            new = np.zeros(np.count_nonzero(wanted), _PAIR)
            new["one"], new["other"], new["bits"] = one[wanted], other[wanted], bits[wanted]
            unsorted.append(new)
            count += len(new)
            if count > _MOST_PAIRS:
                held, unsorted = _in_order(np.concatenate([held, *unsorted])), []
                held, end = _cut(self._confirmed(held) if confirm else held, end)
                count = min(len(held), _MOST_PAIRS // 2)
        self._represent(_in_order(np.concatenate([held, *unsorted])))
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
        by, nearest = self.by, self.bits
        for page in _pages(in_order):
            for one, other, bits, sure in page.tolist():
                if (
                    by[one] == _NOBODY
                    and bits < nearest[other]
                    and (sure or self._is_confirmed(one, other))
                ):
                    by[other], nearest[other] = one, bits


def _cut(in_order: _Pairs, end: int) -> tuple[_Pairs, int]:
    """Pairs of the first positions, about half as many as there is room for, and the position
    behind these."""
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
