"""Rules that decide whether a request goes again, and which of two answers is shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

from msgspec import Struct

from pipeline.core.image_tokens import Detail
from pipeline.core.outcomes import FACTS, OUTCOMES, PAID_OUTCOMES
from pipeline.core.reasons import LINE_ERRORS
from pipeline.records import Answer


class RetryRule(Struct, frozen=True):
    """Rule of one outcome: attempts in all, and changes of the next one.

    Attributes:
        attempts: at most this many attempts in all; 1 is no retry.
        raise_max_completion_tokens: factor in percent for the next attempt (100 = unchanged).
        detail, model: replacements for the next attempt, None = unchanged.
    """

    attempts: int = 1
    raise_max_completion_tokens: int = 100
    detail: Detail | None = None
    model: str | None = None


_DOWNLOAD_FAILURES = frozenset({"invalid_image_url", "failed_to_download_image"})
_OUT_OF_TIME = re.compile(r"time[d-]?\s?-?out", re.IGNORECASE)

DEFAULT_RULES: Mapping[str, RetryRule] = {
    facts.name: RetryRule(facts.attempts) for facts in OUTCOMES if facts.retryable
}


def next_state(
    outcome: str, code: str, attempts: int, rules: Mapping[str, RetryRule], words: str = ""
) -> Literal["done", "pending"]:
    """State of a work after an answer, "pending" when it goes again.

    Paid outcomes go again only under an explicit rule; a line that is missing from both files
    may have been billed, so it is never bought again silently; a request that the service calls
    wrong (4xx) would only be called wrong again.
    """
    rule = rules.get(outcome, RetryRule())
    if outcome == "captioned" or attempts >= rule.attempts:
        return "done"
    if outcome == "failed" and not retryable_failure(code, words):
        return "done"
    return "pending"


def retryable_failure(code: str, words: str = "") -> bool:
    """Recognise failures of the service, which go again; those of the request do not.

    An address that the service could not download in time is no wrong address, whatever code it
    gives: `words` are the service's.
    """
    if code in _DOWNLOAD_FAILURES and _OUT_OF_TIME.search(words):
        return True
    if code in LINE_ERRORS:
        return LINE_ERRORS[code].passing
    return code.isascii() and code.isdigit() and 500 <= int(code) < 600


class WorkState(NamedTuple):
    """State of a work before an answer.

    Attributes:
        state: "pending", "live" or "done".
        shown, shown_attempt: outcome of the answer that it shows, None for none, and which attempt
            that answered.
        attempts: so far.
    """

    state: str
    shown: str | None
    shown_attempt: int
    attempts: int


class WorkChange(NamedTuple):
    """Changes of a work by an answer; `improves` when that is the one to show."""

    improves: bool
    state: str
    attempts: int
    after: str | None


def change_of(
    work: WorkState, answer: Answer, attempt: int, rules: Mapping[str, RetryRule]
) -> WorkChange:
    """Changes of a work by the answer to an attempt when no other shard is still to answer it."""
    later = attempt > work.shown_attempt
    improves = is_better(answer.outcome, work.shown, later=later)
    best = answer.outcome if improves else str(work.shown)
    tried = max(work.attempts, attempt)
    # what is paid for decides, also over a later answer that is worth less
    last = answer.outcome if improves or best not in PAID_OUTCOMES else best
    target: str = next_state(last, answer.code, tried, rules, answer.reason)
    if later and work.shown == "captioned" and answer.outcome not in PAID_OUTCOMES:
        # another go at a caption that a person asked for: it was not run, and goes once more
        target = next_state(answer.outcome, answer.code, tried, rules, answer.reason)
    elif best == "captioned":
        target = "done"
    if work.state == "done":
        target = "done"
    return WorkChange(improves, target, tried, last if target == "pending" else None)


def is_better(outcome: str, than: str | None, *, later: bool = False) -> bool:
    """Tell whether an answer with `outcome` is to be shown instead of one with `than`, None for no
    answer yet.

    `later`: it answers a further attempt. A captioned work goes again only when a person asked for
    another caption, so that one replaces the first.
    """
    if than is None or (later and outcome == than == "captioned"):
        return True
    return _rank(outcome) < _rank(than)


def _rank(outcome: str) -> int:
    rank = FACTS[outcome].rank
    if rank is None:
        raise ValueError(f"{outcome!r} is no outcome of an answer")
    return rank
