"""Expected ends of batches, from how long this account's own ones took."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from msgspec import Struct

from pipeline.core.words import counted, duration

_FEW = 3  # batches from which something is expected


class ExpectedEnd(Struct, frozen=True):
    """End to expect of a batch that is under way.

    Attributes:
        age: seconds since it was created.
        end: epoch seconds, None where the past says nothing.
        past: how many batches of before it rests on: those that took longer than this one's age.
        oldest: none of them took as long.
    """

    age: int
    end: int | None = None
    past: int = 0
    oldest: bool = False

    def words(self, now: int) -> str:
        """Age and end in words."""
        age = f"{duration(self.age)} old"
        if self.end is None:
            return f"{age}, older than any before" if self.oldest else age
        when = datetime.fromtimestamp(self.end, UTC).strftime("%H:%M UTC")
        left = duration(max(0, self.end - now))
        return f"{age}, ends about {when} (in {left}, as {counted(self.past, 'batch', 'batches')})"


def expected_end(created_at: int, now: int, durations: Sequence[int]) -> ExpectedEnd:
    """End to expect: the median of what earlier batches took that had lasted as long by then.

    Args:
        durations: seconds that each took, in any order.
    """
    age = max(0, now - created_at)
    longer = sorted(each for each in durations if each > age)
    if len(durations) < _FEW:
        return ExpectedEnd(age)
    if not longer:
        return ExpectedEnd(age, oldest=True)
    return ExpectedEnd(age, created_at + longer[len(longer) // 2], len(longer))
