"""Waiting for the service, and notices about it: what a run waits for, when it tries again, that
Ctrl-C is safe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from pipeline.core.pauses import too_long
from pipeline.core.run_round import waiting_words
from pipeline.errors import CaptionmillError, NeedsPerson, PauseTooLong, ServiceError
from pipeline.stages.context import StageContext
from pipeline.system.clock import shown_time

REPEATED = 60
"""Seconds after which the same is said again."""

_TRIES = 3  # of a call that is answered by a pause each time
_LONGEST = "[batch] longest_pause"

Answer = TypeVar("Answer")

_SAFE = "Ctrl-C is safe, nothing is lost"


class WaitNotices:
    """Sentences of one run about its waiting: each when it begins, at most once a minute."""

    def __init__(self, context: StageContext) -> None:
        self._context = context
        self._about = ""
        self._at = 0
        self._waiting = False
        self._decisions: set[str] = set()  # that a person was told to make

    def trouble(self, error: CaptionmillError, next_try: float) -> None:
        """Say what the service's trouble is; `next_try` in epoch seconds. Errors of one kind are
        one trouble, however their words differ. What a person must decide is said once."""
        words = str(error).rstrip(".")
        about = words
        if isinstance(error, NeedsPerson):
            if words in self._decisions:
                return
            self._decisions.add(words)
        if isinstance(error, ServiceError):
            about = f"{type(error).__name__} {error.status} {error.code}"
        self._say(about, words, next_try)

    def waiting(self, reasons: Mapping[str, int], next_try: float) -> None:
        """Say why shards do not go out, by reason; `next_try` in epoch seconds."""
        words = waiting_words(reasons)
        if words:
            self._say(words, words, next_try)

    def over(self) -> None:
        """Say that the service answers again, when it was said that it does not."""
        if self._waiting:
            self._context.say("the service takes requests again")
        self._waiting = False

    def _say(self, about: str, words: str, next_try: float) -> None:
        now = self._context.clock.now()
        if about == self._about and now - self._at < REPEATED:
            return
        safe = "" if about == self._about else f"; {_SAFE}"
        self._about, self._at, self._waiting = about, now, True
        self._context.say(f"{words}; next try at {shown_time(next_try)}{safe}")


def pause_weighed(context: StageContext, error: CaptionmillError) -> CaptionmillError:
    """Give `error`, or PauseTooLong where it asks for a pause that is too long to wait."""
    seconds = error.retry_after if isinstance(error, ServiceError) else None
    if seconds is None or seconds <= context.patience.longest_pause:
        return error
    back = shown_time(context.clock.now() + seconds)
    return PauseTooLong(too_long(str(error), seconds, back, _LONGEST), retry_after=seconds)


def after_pauses(context: StageContext, ask: Callable[[], Answer]) -> Answer:
    """Answer to `ask`, which is called again after pauses that the service asks for.

    Raises:
        CaptionmillError: what `ask` raises without such a pause, or for the third time;
            PauseTooLong for a pause that nobody waits for.
    """
    notices, tries = WaitNotices(context), 0
    while True:
        tries += 1
        try:
            answer = ask()
        except ServiceError as error:
            weighed = pause_weighed(context, error)
            if weighed is not error or not error.retry_after or tries == _TRIES:
                raise weighed from None
            notices.trouble(error, context.clock.now() + error.retry_after)
            context.sleep(error.retry_after)
            context.check_stop()
        else:
            notices.over()
            return answer
