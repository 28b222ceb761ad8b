"""Positions of ids in little memory: 14 bytes an id, where a dictionary takes 160."""

from __future__ import annotations

from array import array
from collections.abc import Sequence


class IdPositions:
    """Position of each of many ids, in the order in which they were added.

    An id is told by 64 bits: its hash in this interpreter, whose key is another one in each
    process. Of two ids here that have the same, each still has its own position. A foreign id is
    taken for one of a million here with a chance of 1 in 18 million million.

    Args:
        room: number of ids to come, as far as it is known.
    """

    def __init__(self, room: int = 0) -> None:
        self._hashes = array("q")
        # position + 1 at the place that the hash names, or the next free one; 0 for a free place
        self._table = array("I", bytes(4 * (3 * room // 2 + 1)))
        self._others: dict[str, int] = {}  # ids with the hash of one before

    def __len__(self) -> int:
        return len(self._hashes)

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def extend(self, names: Sequence[str]) -> None:
        """Add ids, none of which is here."""
        before = start = len(self)
        self._hashes.extend(map(hash, names))
        if 3 * len(self) > 2 * len(self._table):
            self._table, start = array("I", bytes(4 * 3 * len(self))), 0
        self._others |= {names[at - before]: at for at in self._place(start) if at >= before}

    def _place(self, start: int) -> list[int]:
        """Put the ids from a position on into the table; gives those whose hash was there."""
        table, hashes, places, others = self._table, self._hashes, len(self._table), list[int]()
        for position in range(start, len(hashes)):
            place = hashes[position] % places
            while at := table[place]:
                if hashes[at - 1] == hashes[position]:
                    others.append(position)
                    break
                place = (place + 1) % places
            else:
                table[place] = position + 1
        return others

    def get(self, name: str) -> int | None:
        """Position of an id, None for a foreign one."""
        return self.of([name])[0]

    def of(self, names: Sequence[str]) -> list[int | None]:
        """Positions of ids, None for a foreign one."""
        table, hashes, places = self._table, self._hashes, len(self._table)
        positions = list[int | None]()
        add = positions.append
        for number in map(hash, names):
            place = number % places
            while (at := table[place]) and hashes[at - 1] != number:
                place = (place + 1) % places
            add(at - 1 if at else None)
        if self._others:
            return [*map(self._others.get, names, positions)]
        return positions
