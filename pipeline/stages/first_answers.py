"""First paid answers to the lines of a batch, with which later answers to them are compared."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

_UNPAID, _PAID = 1, 2


class FirstAnswers:
    """First answers to the lines of a shard, in 9 bytes a line, and to foreign lines, as a reading
    of the batch's files meets them.

    A line of the shard is named by its position in `Planned`, a foreign one by its custom_id.
    """

    def __init__(self, lines: int) -> None:
        self._read = bytearray(lines)  # _UNPAID or _PAID, 0 for a line without an answer so far
        self._fingerprints = array("q", bytes(8 * lines))
        self._foreign: dict[str, int] = {}

    def take(
        self, positions: Sequence[int | None], fingerprints: Sequence[int]
    ) -> tuple[list[int], list[int]]:
        """Note paid answers that are read together as the first ones to their lines. Those to
        foreign lines, and to lines that have an answer already, are left out.

        Returns:
            positions of the lines whose answers were noted, and the places of the other answers.
        """
        taken, others = list[int](), list[int]()
        read, of_lines = self._read, self._fingerprints
        for at, (position, fingerprint) in enumerate(zip(positions, fingerprints, strict=True)):
            if position is None or read[position]:
                others.append(at)
            else:
                read[position] = _PAID
                of_lines[position] = fingerprint
                taken.append(position)
        return taken, others

    def fingerprint(self, name: str, position: int | None) -> int | None:
        """Fingerprint of the first paid answer to a line, None before there is one."""
        if position is None:
            return self._foreign.get(name)
        return self._fingerprints[position] if self._read[position] == _PAID else None

    def note_paid(self, name: str, position: int | None, fingerprint: int) -> None:
        """Note the first paid answer to a line."""
        if position is None:
            self._foreign[name] = fingerprint
        else:
            self._read[position], self._fingerprints[position] = _PAID, fingerprint

    def note_unpaid(self, position: int | None) -> None:
        """Note an answer that was not paid for, to a line without a paid one."""
        if position is not None:
            self._read[position] = _UNPAID

    def has_all(self) -> bool:
        """Tell whether each line of the shard has an answer, paid or not."""
        return 0 not in self._read

    def has(self, position: int) -> bool:
        """Tell whether a line of the shard has an answer, paid or not."""
        return bool(self._read[position])
