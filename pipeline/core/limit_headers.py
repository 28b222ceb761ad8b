"""Limits as a service tells them: the `x-ratelimit-*` headers, a minute's or a second's.

OpenAI, Azure, Groq and others name requests and tokens and mean a minute; Mistral and Kong add the
unit ("-req-minute", "-second"); some mean a second without saying so, which shows in the time after
which their allowance is whole again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal

from msgspec import Struct

from pipeline.core.pauses import seconds_of

Kind = Literal["requests", "tokens"]

MINUTE, SECOND = 60.0, 1.0

_NAME = re.compile(
    r"x-ratelimit(?P<by>bysecond)?-(?P<what>limit|remaining|reset)"
    r"(?:-(?P<kind>requests|req|tokens))?(?:-(?P<unit>second|minute))?"
)
RECENT = 2.0  # seconds
_OTHERWISE = 2  # times as many tokens as we count ourselves
_APART = 2.0  # seconds between two answers that agree before a limit is a second's
_REFUTED = 3  # refusals by a limit that was taken for a second's
_STALE = 30.0  # seconds after which an answer says nothing about the next one any more


class Limit(Struct, frozen=True):
    """One limit as one answer tells it.

    Attributes:
        window: seconds that `limit` is for; None where the headers do not say.
        limit, left: requests or tokens, None when not told.
        reset: seconds until the allowance is whole again, None when not told.
    """

    kind: Kind
    window: float | None
    limit: int | None
    left: int | None
    reset: float | None


def read_limits(headers: Mapping[str, str]) -> Iterator[Limit]:
    """Limits that the headers of an answer tell, names without regard to case."""
    texts_by_limit: dict[tuple[Kind, float | None], dict[str, str]] = {}
    for name, value in headers.items():
        match = _NAME.fullmatch(name.lower())
        if match is None or not (match["kind"] or match["unit"] or match["by"]):
            continue
        unit = "second" if match["by"] else match["unit"]
        window = {"second": SECOND, "minute": MINUTE, None: None}[unit]
        kind: Kind = "tokens" if match["kind"] == "tokens" else "requests"
        texts_by_limit.setdefault((kind, window), {})[match["what"]] = value
    for (kind, window), texts in texts_by_limit.items():
        yield Limit(
            kind,
            window,
            _integer(texts.get("limit")),
            _integer(texts.get("remaining")),
            seconds_of(texts.get("reset", "")),
        )


class WindowGuess(Struct):
    """Guess whether a limit without a unit is a minute's or a second's.

    A minute's allowance that is used by a share is whole again after that share of a minute; a
    window of a minute ends within the last second only once. A limit that is whole again within a
    second, at two answers some seconds apart, however little of it was used, is a second's, until
    refusals show the contrary.
    """

    window: float = MINUTE
    _since: float | None = None
    _last: float = 0.0
    _refusals: int = 0

    def learn(self, now: float, limit: Limit, recent: int) -> float:
        """Take one answer into account; gives the window.

        Args:
            recent: what we used ourselves in the last RECENT seconds. When the service counts more,
                it counts over a longer time, or for others too.
        """
        if self._refusals >= _REFUTED:
            return MINUTE
        used = 0 if limit.limit is None or limit.left is None else limit.limit - limit.left
        if limit.reset is None or used <= 0 or not limit.limit:
            return self.window
        if limit.reset > SECOND or used > _OTHERWISE * recent:
            self.window, self._since = MINUTE, None
            return self.window
        even = MINUTE * used / limit.limit  # when a minute's even allowance would be whole again
        if abs(limit.reset - even) <= 0.3 * even:
            self._since = None
            return self.window
        if self._since is None or now - self._last > _STALE:
            self._since = now
        self._last = now
        if now - self._since >= _APART:
            self.window = SECOND
        return self.window

    def refused(self) -> bool:
        """Count a refusal; True when it shows that the window is no second."""
        if self.window == SECOND:
            self._refusals += 1
            if self._refusals >= _REFUTED:
                self.window = MINUTE
                return True
        return False


def _integer(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else None
