"""Confirmation of the price of a run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

from pipeline.core.pricing import format_usd
from pipeline.errors import NeedsPerson, UsageError
from pipeline.session.budget import coverage_of
from pipeline.session.session import Session
from pipeline.session.spec import CaptionSpec
from pipeline.session.templates import request_template
from pipeline.stages.quote import Quote, quote
from pipeline.stages.values import CaptionTask

Confirm = Callable[[str], bool]


def confirm_price(
    session: Session, caption_spec: CaptionSpec, task: CaptionTask, confirm: Confirm
) -> Quote | None:
    """Show the price of what is new, and confirm it above the configured amount; None: nothing is
    new.

    Raises:
        UsageError: the price is unknown under a budget.
        NeedsPerson: nobody said yes.
    """
    if session.ledger.images.idle(task.source, task.spec):
        return None
    warning = caption_spec.facts.shutdown_warning(_today(session))
    if warning:
        session.context.say(warning)
    price = price_of(session, caption_spec, task)
    before = session.ledger.images.spec_of(task.source)
    if price.requests and before not in (None, task.spec):
        session.context.say(f"the prompt or model has changed: {price.sentence()}")
    elif price.requests and not session.identity.local:
        session.context.say(price.sentence())
    if price.requests and price.max_cost is None and session.context.caps.any:
        raise UsageError(caption_spec.why_unbounded())
    short = coverage_of(session, price)
    if short and not session.identity.local:
        session.context.say(short)
    limit = session.settings.confirm_above
    if (
        price.max_cost is not None
        and price.max_cost > limit
        and not confirm(f"That is more than {format_usd(limit)} ([budget] confirm_above). Go on?")
    ):
        raise NeedsPerson(
            f"not confirmed: {price.sentence()} Confirm with --yes, or raise [budget] "
            f"confirm_above (now {format_usd(limit)})"
        )
    return price


def price_of(session: Session, caption_spec: CaptionSpec, task: CaptionTask) -> Quote:
    """Price of what is still to be sent of a task."""
    return quote(session.ledger, task, request_template(caption_spec), caption_spec.largest())


def _today(session: Session) -> date:
    return datetime.fromtimestamp(session.clock.now(), UTC).date()
