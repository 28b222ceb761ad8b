"""Decisions after each look at the service: write more, wait, or end.

Pure: the loop in `stages.runner` looks, asks here, and acts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from pipeline.errors import CaptionmillError, NeedsPerson, OverBudget, PauseTooLong, ServiceError

OUTAGE_ROUNDS = 20
"""Looks at a service that does not answer before a waiting run gives up."""

Trouble = Literal["none", "passing", "budget", "lasting"]
Patience = Literal["wait", "leave", "give_up"]


def trouble_of(error: CaptionmillError | None) -> Trouble:
    """Kind of an error: "passing" ones are the service's and usually pass, "budget" may pass when
    open batches give room back, "lasting" ones need a person or another day."""
    if error is None:
        return "none"
    if isinstance(error, OverBudget):
        return "budget"
    passes = isinstance(error, ServiceError) and not isinstance(error, (NeedsPerson, PauseTooLong))
    return "passing" if passes else "lasting"


def patience_with(trouble: Trouble, *, wait: bool, outages: int) -> Patience:
    """Decision whether waiting can help: "leave" ends without an error, "give_up" with it.

    Args:
        wait: false for a run that only does what can be done now.
        outages: looks in a row that brought trouble, this one included.
    """
    if not wait:
        return "leave"
    if trouble == "none" or (trouble == "passing" and outages <= OUTAGE_ROUNDS):
        return "wait"
    return "leave" if trouble == "budget" else "give_up"


WAITING: Mapping[str, str] = {
    "queue": "the service's queue is full",
    "backoff": "the service asked to wait",
    "creates": "the hour's create calls are used up",
    "unknown": "a create call got no sure answer, the service's list will tell",
    "adopted": "a batch that an older ledger made is read first",
}
"""Why shards do not go out, by reason; what needs a person is said as an error."""


def waiting_words(reasons: Mapping[str, int]) -> str:
    """Reasons in words, "" for none that waiting ends."""
    return ", ".join(WAITING[reason] for reason in reasons if reason in WAITING)


class Round(Struct, frozen=True):
    """One look at the service and one attempt to send.

    Attributes:
        wait: the run stays until everything is answered.
        again: images have become pending again since they were last written.
        leave_rest: what goes again is so little that somebody else sends it.
        short: writing ended because the budget had no room.
        settled: batches settled in this round.
        created: batches created in this round.
        open: batches under way.
        in_doubt: shards whose create call got no answer.
        waiting: shards that could not go out.
        sending: trouble of the attempt to send.
    """

    wait: bool
    again: bool
    leave_rest: bool
    short: bool
    settled: int
    created: int
    open: int
    in_doubt: int
    waiting: int
    sending: Trouble


def next_action(this_round: Round) -> Literal["write", "pause", "end"]:
    """Decision after a round: write what goes again or what settled money now pays for, pause
    for what is under way, or end."""
    can_send = this_round.sending in ("none", "passing")
    may_write = (
        can_send and (this_round.wait or not this_round.waiting) and not this_round.leave_rest
    )
    if (this_round.again and may_write) or (this_round.settled and this_round.short):
        return "write"
    pending = (
        this_round.open
        or this_round.created
        or this_round.in_doubt
        or (this_round.waiting and can_send)
    )
    return "pause" if pending else "end"
