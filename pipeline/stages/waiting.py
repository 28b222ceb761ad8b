"""Sentences of a waiting run: what it waits for, when it tries again, that Ctrl-C is safe."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.core.run_round import waiting_words
from pipeline.errors import CaptionmillError
from pipeline.stages.context import StageContext
from pipeline.system.clock import shown_time

REPEATED = 60
"""Seconds after which the same is said again."""

_SAFE = "Ctrl-C is safe, nothing is lost"


class WaitNotices:
    """Sentences of one run about its waiting: each when it begins, then once a minute."""

    def __init__(self, context: StageContext) -> None:
        self._context = context
        self._about = ""
        self._at = 0

    def trouble(self, error: CaptionmillError, next_try: float) -> None:
        """Say what the service's trouble is; `next_try` in epoch seconds."""
        self._say(str(error).rstrip("."), next_try)

    def waiting(self, reasons: Mapping[str, int], next_try: float) -> None:
        """Say why shards do not go out, by reason; `next_try` in epoch seconds."""
        self._say(waiting_words(reasons), next_try)

    def over(self) -> None:
        """Say that the service answers again, when it was said that it does not."""
        if self._about:
            self._context.say("the service takes requests again")
        self._about = ""

    def _say(self, about: str, next_try: float) -> None:
        now = self._context.clock.now()
        if not about or (about == self._about and now - self._at < REPEATED):
            return
        safe = "" if about == self._about else f"; {_SAFE}"
        self._about, self._at = about, now
        self._context.say(f"{about}; next try at {shown_time(next_try)}{safe}")
