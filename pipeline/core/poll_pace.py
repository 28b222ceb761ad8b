"""Pace of a waiting run's looks at the service: soon after news, then ever longer, and never before
a pause is over that the service asked for.

Pure: times are epoch seconds and come from the caller.
"""

from __future__ import annotations

from msgspec import Struct

_FIRST = 0.2  # seconds
_GROWTH = 1.5
_MOST_ROUNDS = 40  # of growth; beyond them the number is no float any more


class PollPace(Struct):
    """Pace of one run.

    Attributes:
        interval: seconds between two looks when nothing happens.
        quiet_rounds: looks in a row that brought nothing new.
        asked_at: time of the last look.
        not_before: end of the pause that the service asked for, 0 for none.
    """

    interval: float
    quiet_rounds: int = 0
    asked_at: float = 0.0
    not_before: float = 0.0

    def news(self) -> None:
        """Note that something has moved: the next look comes soon."""
        self.quiet_rounds = 0

    def refused(self, now: float, retry_after: float | None) -> None:
        """Note the pause that the service asks for, in seconds; None for none."""
        self.not_before = max(self.not_before, now + (retry_after or 0.0))

    def pauses(self, now: float) -> bool:
        """Tell whether the service wants to be left alone."""
        return now < self.not_before

    def due(self, now: float) -> bool:
        """Tell whether an interval has passed since the last look."""
        return now - self.asked_at >= self.interval

    def seconds(self, now: float) -> float:
        """Seconds until the next look, after one more that brought nothing."""
        self.quiet_rounds += 1
        growing = _FIRST * _GROWTH ** min(self.quiet_rounds, _MOST_ROUNDS)
        return max(min(self.interval, growing), self.not_before - now)
