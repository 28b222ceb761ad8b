"""Outcomes of images and requests: the one table that rules, reports and documents derive from.

Another outcome, or another default of how often one is tried, is a line here and one in
`configs/default.toml`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct


class OutcomeFacts(Struct, frozen=True):
    """One outcome.

    Attributes:
        name: as it stands in the table, in reports and in `[retry]`.
        words: what happened, in words that follow "the image" or "its request".
        paid: its answer has been billed (HTTP 200).
        retryable: it may go again, by a rule or by `captionmill retry`.
        attempts: how often it is tried in all, unless `[retry]` says otherwise.
        rank: place among the answers to one request, 0 for the one to show; None: no answer.
        advice: what a person can do about it, "" where its reason tells.
        shown: the image has a caption by it.
    """

    name: str
    words: str
    paid: bool = False
    retryable: bool = False
    attempts: int = 1
    rank: int | None = None
    advice: str = ""
    shown: bool = False


def _paid(name: str, words: str, rank: int, advice: str) -> OutcomeFacts:
    return OutcomeFacts(name, words, paid=True, retryable=True, rank=rank, advice=advice)


def _unpaid(name: str, words: str, rank: int, attempts: int = 1) -> OutcomeFacts:
    return OutcomeFacts(name, words, retryable=True, rank=rank, attempts=attempts)


OUTCOMES: tuple[OutcomeFacts, ...] = (
    OutcomeFacts("captioned", "has a caption", paid=True, rank=0, shown=True),
    OutcomeFacts("duplicate", "shows the caption of the image that was sent for it", shown=True),
    OutcomeFacts("had_caption", "had a text already, and was not sent", shown=True),
    OutcomeFacts("rejected", "cannot be sent"),
    _paid(
        "refused",
        "was refused by the model",
        4,
        "the model refuses this image or prompt: say what it is for, or use another model",
    ),
    _paid(
        "filtered",
        "was stopped by the service's content filter",
        3,
        "the service's content filter stopped the answer: use another prompt or model",
    ),
    _paid(
        "length",
        "was cut off at max_completion_tokens",
        1,
        "the caption is cut off: raise --max-tokens",
    ),
    _paid(
        "empty",
        "was answered without a text",
        5,
        "the answer is empty: raise --max-tokens, or set prompt.reasoning_effort to none",
    ),
    _paid(
        "invalid",
        "was answered in another form than the schema's",
        2,
        "the answer does not have the form that was asked for: ask again, or simplify the schema",
    ),
    _unpaid("expired", "was not run before the batch expired", 7, attempts=5),
    _unpaid("cancelled", "was not run before the batch was cancelled", 7, attempts=5),
    _unpaid("failed", "was called wrong by the service, or failed there", 7, attempts=3),
    # it may have been billed, so it is not bought again by itself
    _unpaid("missing", "has no answer, and may have been billed", 6),
    OutcomeFacts("pending", "waits to be sent, or for its answer"),
)
"""All outcomes in the order of reports."""

FACTS: Mapping[str, OutcomeFacts] = MappingProxyType({facts.name: facts for facts in OUTCOMES})

NAMES: tuple[str, ...] = tuple(FACTS)

PAID_OUTCOMES: frozenset[str] = frozenset(facts.name for facts in OUTCOMES if facts.paid)

CAPTIONED_OUTCOMES: tuple[str, ...] = tuple(facts.name for facts in OUTCOMES if facts.shown)
"""Outcomes of images that have a caption."""

RETRYABLE_OUTCOMES: tuple[str, ...] = tuple(facts.name for facts in OUTCOMES if facts.retryable)
"""What a `[retry]` rule and `captionmill retry` may name, in the order of reports."""


def listed(names: tuple[str, ...] = NAMES) -> str:
    """Names as a sentence lists them.

    >>> listed(("expired", "failed", "missing"))
    'expired, failed or missing'
    """
    return f"{', '.join(names[:-1])} or {names[-1]}"
