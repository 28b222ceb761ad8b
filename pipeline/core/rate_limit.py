"""Pace of online requests: pure decisions from limits, answers and refusals.

A service counts requests and prompt tokens over a minute, some in a sliding window, some in a
bucket that fills evenly. Requests that go evenly, a little below the limit, pass both. What the
service says of its limits (the `x-ratelimit-*` headers of OpenAI's rate limit guide) corrects
what is configured. Times are seconds of any clock that never goes back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from msgspec import Struct

from pipeline.core.limit_headers import MINUTE, RECENT, Kind, Limit, WindowGuess, read_limits

_MINUTE = MINUTE
_FILL = 0.95  # of the limit, evenly
_BURST = 0.03  # of the limit, at once: with _FILL no window of a minute holds more than the limit
_EMPTY_PAUSE = 1.0  # seconds, when the service says that nothing is left
_LONGEST_PAUSE = 60.0
_ENOUGH = 0.05  # of the limit, before what is used says something
_SLOWER, _FASTER = 0.2, 0.01  # weight of one answer
_MOST_SCALE = 4.0
_ROUNDS = 8  # of trouble without a single answer


class Bucket(Struct):
    """Allowance that fills evenly.

    Attributes:
        limit: what the service allows in `window` seconds.
        level: what is left now; below zero after something larger than the whole allowance.
        at: when `level` was right.
    """

    limit: int
    level: float
    at: float
    window: float = MINUTE

    @classmethod
    def of(cls, limit: int, now: float) -> Bucket:
        """Bucket of a limit that nothing was taken from yet, at time `now` in seconds."""
        return cls(limit, max(1.0, _BURST * limit), now)

    def delay(self, now: float, amount: float) -> float:
        """Seconds until `amount` may be taken; 0 for now."""
        self._fill(now)
        missing = min(amount, self._most) - self.level
        return max(0.0, missing / self._rate)

    def take(self, now: float, amount: float) -> None:
        """Take requests or tokens, also more than there are."""
        self._fill(now)
        self.level -= amount

    @property
    def _most(self) -> float:
        return max(1.0, _BURST * self.limit)

    @property
    def _rate(self) -> float:
        return _FILL * self.limit / self.window

    def _fill(self, now: float) -> None:
        self.level = min(self._most, self.level + max(0.0, now - self.at) * self._rate)
        self.at = now


class RateLimiter:
    """Decides when the next request goes, and when to give up.

    The first request goes alone: its answer tells the limits. A refusal (429) or a lost answer
    stops everything for a while and halves the number in flight, which then grows again.
    """

    def __init__(
        self,
        in_flight: int,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        *,
        first_pause: float = 1.0,
        longest_pause: float = 900.0,
    ) -> None:
        """Begin.

        Args:
            in_flight: most requests under way.
            requests_per_minute, tokens_per_minute: limits as configured, None when unknown.
            first_pause: seconds to wait after trouble; doubled in each further round.
            longest_pause: seconds; a service that asks for more is not waited for.
        """
        self.rounds = 0
        self._most = in_flight
        self._width = 1.0
        self._first_pause = first_pause
        self._longest_pause = longest_pause
        self.too_long_pause = 0.0  # seconds that were asked for in vain
        self._hold = 0.0
        self._configured = {"requests": requests_per_minute, "tokens": tokens_per_minute}
        self._buckets: dict[str, Bucket] = {}
        kinds: tuple[Kind, ...] = ("requests", "tokens")
        self._windows = {kind: WindowGuess() for kind in kinds}
        self._answers: deque[tuple[float, int]] = deque()  # of the last minute
        self._own = {"requests": 0, "tokens": 0}  # in them
        self._scale = {"requests": 1.0, "tokens": 1.0}

    @property
    def given_up(self) -> bool:
        """Tell whether several rounds of trouble passed without an answer, or a pause is asked for
        that is longer than anybody wants to wait."""
        return self.rounds >= _ROUNDS or self.too_long_pause > 0

    def pause(self, now: float) -> float:
        """Seconds for which nothing goes, 0 when requests may go."""
        return max(0.0, self._hold - now)

    def delay(self, now: float, tokens: int, in_flight: int) -> float | None:
        """Seconds until a request of `tokens` tokens may go: 0 for now, None until one of those
        that are under way is back."""
        if in_flight >= int(self._width):
            return None
        for kind, limit in self._configured.items():
            if limit is not None and kind not in self._buckets:
                self._buckets[kind] = Bucket.of(limit, now)
        delays = [b.delay(now, self._amount(kind, tokens)) for kind, b in self._buckets.items()]
        return max(0.0, self._hold - now, *delays)

    def sent(self, now: float, tokens: int) -> None:
        """Note a request that has gone."""
        for kind, bucket in self._buckets.items():
            bucket.take(now, self._amount(kind, tokens))

    def answered(self, now: float, headers: Mapping[str, str], tokens: int = 0) -> None:
        """Note an answer of whatever status but 429; `headers` tell of the limits."""
        self._answers.append((now, tokens))
        self._own["requests"] += 1
        self._own["tokens"] += tokens
        while self._answers[0][0] <= now - _MINUTE:
            self._own["requests"] -= 1
            self._own["tokens"] -= self._answers.popleft()[1]
        self._width = self._most if self._width == 1 and not self.rounds else self._wider()
        self.rounds = 0
        for limit in sorted(read_limits(headers), key=_rate, reverse=True):
            self._learn(limit, now)  # of several limits of one kind the lowest comes last

    def refused(self, now: float, retry_after: float | None) -> None:
        """Note a 429: certainly not done, and to be asked again later."""
        for kind, guess in self._windows.items():
            if guess.refused() and kind in self._buckets:
                self._buckets[kind].window = MINUTE
        self._trouble(now, retry_after)

    def troubled(self, now: float) -> None:
        """Note that there was no connection, or no usable answer."""
        self._trouble(now, None)

    def _trouble(self, now: float, retry_after: float | None) -> None:
        if now >= self._hold:  # what was under way together counts once
            self.rounds += 1
            self._width = max(1.0, self._width / 2)
        pause = min(_LONGEST_PAUSE, self._first_pause * 2 ** (self.rounds - 1))
        if retry_after is not None and retry_after > self._longest_pause:
            self.too_long_pause = max(self.too_long_pause, retry_after)
        elif retry_after is not None:
            pause = max(pause, retry_after)  # one that is too short must not use up the rounds
        self._hold = max(self._hold, now + pause)

    def _wider(self) -> float:
        return min(float(self._most), self._width + 1 / self._width)

    def _learn(self, header: Limit, now: float) -> None:
        kind, limit = header.kind, header.limit
        window = header.window or self._windows[kind].learn(now, header, self._recent(kind, now))
        if limit:
            bucket = self._buckets.get(kind)
            if bucket is None:
                bucket = self._buckets[kind] = Bucket.of(limit, now)
            bucket.limit, bucket.window = limit, window
            own = self._configured[kind]
            if own is not None and own / MINUTE < limit / window:
                bucket.limit, bucket.window = own, MINUTE
        if limit and header.left is not None and window == MINUTE:
            self._compare(kind, limit, max(0, limit - header.left))
        if header.left is not None and header.left <= 0:
            pause = _EMPTY_PAUSE if header.reset is None else min(header.reset, _EMPTY_PAUSE)
            self._hold = max(self._hold, now + pause)

    def _recent(self, kind: Kind, now: float) -> int:
        """Requests and tokens of the last seconds."""
        total = 0
        for at, tokens in reversed(self._answers):
            if at < now - RECENT:
                break
            total += 1 if kind == "requests" else tokens
        return total

    def _compare(self, kind: str, limit: int, used: int) -> None:
        """Compare the use of the limit with our own: the service may count tokens otherwise, and
        others may use the same account."""
        own = self._own[kind]
        if own < _ENOUGH * limit:
            return
        least = 1.0 if kind == "requests" else 1 / _MOST_SCALE
        ratio = min(_MOST_SCALE, max(least, used / own))
        weight = _SLOWER if ratio > self._scale[kind] else _FASTER
        self._scale[kind] += (ratio - self._scale[kind]) * weight

    def _amount(self, kind: str, tokens: int) -> float:
        return (1 if kind == "requests" else tokens) * self._scale[kind]


def _rate(limit: Limit) -> float:
    return (limit.limit or 0) / (limit.window or MINUTE)
