"""Requests that a service refuses one after another for one and the same reason.

One image that is refused is that image's trouble. When every request is refused alike the fault is
in what they share, and sending the rest would only repeat it.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from pipeline.core.lenient_json import Unreadable, parse_json
from pipeline.core.reasons import IMAGE_REFUSALS
from pipeline.core.retry import retryable_failure
from pipeline.core.service_error import error_in
from pipeline.core.words import counted

MOST_ALIKE = 30
"""So many refusals in a row end a run."""


class RefusalStreak(Struct):
    """Refusals since the last answer of another kind.

    Attributes:
        count: how many, for the reason `words`.
        answers: answers of any other kind, over all.
    """

    count: int = 0
    words: str = ""
    answers: int = 0
    _kind: tuple[int, str] = (0, "")

    def add(self, status: int, body: bytes) -> None:
        """Count one answer about one request."""
        kind, words = _refusal(status, body)
        if (status < 300 and _is_answer(body)) or kind[1] in IMAGE_REFUSALS:
            self.count, self.answers = 0, self.answers + 1
            return
        if kind != self._kind:
            self.count, self._kind, self.words = 0, kind, words
        self.count += 1

    @property
    def ends_run(self) -> bool:
        """Tell whether the rest would be refused alike, too."""
        return self.count >= MOST_ALIKE

    def problem(self, *, over: bool) -> str:
        """Sentence about the streak, "" when there is nothing to say.

        Args:
            over: whether everything was sent: then also a short streak says something, if no
                request was answered otherwise.
        """
        if self.ends_run:
            start = f"{counted(self.count, 'request')} in a row were refused alike"
        elif over and self.count and not self.answers:
            start = f"no request was answered, {self.count} were refused alike"
        else:
            return ""
        outcome = "missing" if self._kind[0] < 300 else "failed"  # an answer may have been billed
        again = f"'captionmill retry --outcome {outcome}' lets them go again"
        return f"{start} ({self.words}): nothing more is sent; mend the cause, then {again}"


def refused_alike(
    answers: Mapping[str, int], failures: Mapping[str, int], *, answered: bool
) -> str | None:
    """Code for which every request of settled batches was refused, None for none.

    Args:
        answers: settled requests by outcome; `failures` the failed ones by code.
        answered: requests of this form have had an answer before: then a few are no proof.
    """
    count = sum(answers.values())
    if len(failures) != 1 or count < (MOST_ALIKE if answered else 1):
        return None
    ((code, times),) = failures.items()
    alike = times == count and code not in IMAGE_REFUSALS and not retryable_failure(code)
    return code if alike else None


def _is_answer(body: bytes) -> bool:
    """Recognise an answer of either endpoint, without reading all of it."""
    return b'"choices"' in body or b'"output"' in body


def _refusal(status: int, body: bytes) -> tuple[tuple[int, str], str]:
    """((status, the service's code), the service's words)."""
    try:
        error = error_in(parse_json(body))
    except Unreadable:
        error = None
    if error is None:
        words = "answered without a caption" if status < 300 else f"HTTP {status}"
        return (status, ""), words
    return (status, error.code), error.message or error.code
