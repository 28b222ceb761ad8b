"""Budget of a session: the room under its caps, and sentences about it."""

from __future__ import annotations

from pipeline.core.budget import Exposure, Headroom, headroom
from pipeline.core.budget_words import coverage, in_force, shortage
from pipeline.core.packing import tail_least
from pipeline.records import Nano
from pipeline.session.session import Session
from pipeline.stages.quote import Quote


def exposure_of(session: Session) -> Exposure:
    """Money charged and reserved so far, by scope."""
    return session.ledger.reservations.exposure(session.context.scope())


def headroom_of(session: Session) -> Headroom:
    """Money that may still be reserved."""
    caps = session.context.caps
    return headroom(caps, exposure_of(session)) if caps.any else Headroom(None)


def say_caps(session: Session) -> None:
    """Say which caps are in force and where they come from; the local model needs none."""
    caps = session.context.caps
    if caps.any and not session.identity.local:
        line = in_force(caps, exposure_of(session), session.settings.budget.origins)
        session.context.say(f"budget: {line}")


def shortage_of(session: Session, needed: Nano, requests: int = 1) -> str:
    """Sentence about requests, which may cost so much, that a cap has no room for."""
    what = "the next request" if requests == 1 else f"the next {requests:,} requests"
    return shortage(session.context.caps, exposure_of(session), needed, what)


def coverage_of(session: Session, price: Quote | None) -> str:
    """Sentence about how much of a job the caps pay for, "" when they pay for all of it."""
    if price is None or price.expected is None or price.max_cost is None:
        return ""
    caps, exposure = session.context.caps, exposure_of(session)
    return coverage(caps, exposure, price.requests, price.expected, price.max_cost)


def least_requests(session: Session, sent: int) -> int:
    """Requests that a shard needs which the budget ends, when the run has sent so many."""
    scope = headroom_of(session).scope
    used = getattr(exposure_of(session), scope) if scope else 0
    return tail_least(sent, used=used > 0)
