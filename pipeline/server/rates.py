"""Requests and tokens a minute on the online endpoints, and the headers that tell of them."""

from __future__ import annotations

import threading
from collections import deque

from pipeline.server.clock import ServerClock
from pipeline.server.refusals import ApiError
from pipeline.server.settings import AccountLimits

_MINUTE = 60.0


class RequestRates:
    """Sliding minute of the server's clock."""

    def __init__(self, limits: AccountLimits, clock: ServerClock) -> None:
        self._limits = limits
        self._clock = clock
        self._lock = threading.Lock()
        self._recent: deque[tuple[float, int]] = deque()

    def admit(self, tokens: int) -> dict[str, str]:
        """Count a request of `tokens` tokens and return its x-ratelimit headers.

        Raises:
            Refused: 429 with the time after which it would be admitted.
        """
        now = self._clock.now()
        with self._lock:
            while self._recent and self._recent[0][0] <= now - _MINUTE:
                self._recent.popleft()
            used = sum(spent for _, spent in self._recent)
            self._refuse(len(self._recent) + 1, self._limits.requests_per_minute, "requests", now)
            self._refuse(used + tokens, self._limits.tokens_per_minute, "tokens", now)
            self._recent.append((now, tokens))
            return self._headers(used + tokens, now)

    def _refuse(self, wanted: int, limit: int | None, kind: str, now: float) -> None:
        if limit is None or wanted <= limit:
            return
        message = f"Rate limit reached for {kind} per min. Limit: {limit}, requested: {wanted}."
        raise ApiError(
            429, message, code="rate_limit_exceeded", kind=kind, retry_after=self._reset(now)
        )

    def _reset(self, now: float) -> float:
        oldest = self._recent[0][0] if self._recent else now
        return max(0.001, oldest + _MINUTE - now)

    def _headers(self, used: int, now: float) -> dict[str, str]:
        headers: dict[str, str] = {}
        counts = (
            ("requests", self._limits.requests_per_minute, len(self._recent)),
            ("tokens", self._limits.tokens_per_minute, used),
        )
        for kind, limit, spent in counts:
            if limit is not None:
                headers[f"x-ratelimit-limit-{kind}"] = str(limit)
                headers[f"x-ratelimit-remaining-{kind}"] = str(limit - spent)
                headers[f"x-ratelimit-reset-{kind}"] = f"{self._reset(now):.3f}s"
        return headers
