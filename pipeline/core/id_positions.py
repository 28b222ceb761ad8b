"""Positions of ids in little memory: 20 bytes an id, where a dictionary takes 160."""

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
        # of the id at each position, behind a number that stands for no id
        self._hashes = array("q", [0])
        # place in _hashes at the place that the hash names, or the next free one; 0 for a free
        # place. Two of three are free, so that nearly each id is at the first place
        self._table = array("I", bytes(4 * (3 * room + 1)))
        self._others: dict[str, int] = {}  # ids with the hash of one before

    def __len__(self) -> int:
        return len(self._hashes) - 1

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def extend(self, names: Sequence[str]) -> None:
        """Add ids, none of which is here."""
        before = start = len(self)
        self._hashes.extend(map(hash, names))
        if 2 * len(self) > len(self._table):
            self._table, start = array("I", bytes(4 * 3 * len(self))), 0
        self._others |= {names[at - before]: at for at in self._place(start) if at >= before}

    def _place(self, start: int) -> list[int]:
        """Put the ids from a position on into the table; gives those whose hash was there."""
        table, hashes, places, others = self._table, self._hashes, len(self._table), list[int]()
        for at, number in enumerate(hashes[start + 1 :], start + 1):
            place = number % places
            while there := table[place]:
                if hashes[there] == number:
                    others.append(at - 1)
                    break
                place = (place + 1) % places
            else:
                table[place] = at
        return others

    def get(self, name: str) -> int | None:
        """Position of an id, None for a foreign one."""
        return self.of([name])[0]

    def of(self, names: Sequence[str]) -> list[int | None]:
        """Positions of ids, None for a foreign one."""
        table, hashes, places = self._table, self._hashes, len(self._table)
        positions: list[int | None] = [
            at - 1 if (at := table[number % places]) and hashes[at] == number
            else self._further(number)
            for number in map(hash, names)
        ]  # fmt: skip
        if self._others:
            return [*map(self._others.get, names, positions)]
        return positions

    def _further(self, number: int) -> int | None:
        """Position of an id that is not at the first place for its hash."""
        table, places = self._table, len(self._table)
        place = number % places
        while (at := table[place]) and self._hashes[at] != number:
            place = (place + 1) % places
        return at - 1 if at else None
