"""Confirmation of the price of a run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

from msgspec import Struct

from pipeline.core.pricing import format_usd
from pipeline.errors import NotConfirmed, UsageError
from pipeline.ledger.page_cache import small_cache
from pipeline.session.budget import coverage_of
from pipeline.session.session import Session
from pipeline.session.spec import CaptionSpec
from pipeline.session.templates import request_template
from pipeline.stages.quote import Quote, quote
from pipeline.stages.values import CaptionTask

Confirm = Callable[[str], bool]


class ShownConfirm(Struct, frozen=True):
    """Confirmation by a person who has read the question where the other sentences are."""

    ask: Confirm

    def __call__(self, question: str) -> bool:
        """Ask; True for yes."""
        return self.ask(question)


def confirm_price(
    session: Session, caption_spec: CaptionSpec, task: CaptionTask, confirm: Confirm
) -> Quote | None:
    """Show the price of what is new, and confirm it above the configured amount; None: nothing is
    new.

    Raises:
        UsageError: the price is unknown under a budget.
        NotConfirmed: nobody said yes.
    """
    if session.ledger.images.idle(task.sources, task.spec):
        return None
    warning = caption_spec.facts.shutdown_warning(_today(session))
    if warning:
        session.context.say(warning)
    price = price_of(session, caption_spec, task)
    if price.requests and price.max_cost is None and session.context.caps.any:
        raise UsageError(caption_spec.why_unbounded())
    changed = bool(session.ledger.images.specs_of(task.sources) - {None, task.spec})
    words = f"{'the prompt or model has changed: ' if changed else ''}{price.sentence()}"
    short = "" if session.identity.local else coverage_of(session, price)
    limit = session.settings.confirm_above
    if price.max_cost is not None and price.max_cost > limit:
        _ask(session, f"{words} {short}".strip(), confirm)
        return price
    if price.requests and (changed or not session.identity.local):
        session.context.say(words)
    if short:
        session.context.say(short)
    return price


def _ask(session: Session, words: str, confirm: Confirm) -> None:
    """Ask whether the price may be spent; the question, what follows a yes, or the refusal says it,
    and nothing says it twice."""
    limit = format_usd(session.settings.confirm_above)
    if not confirm(f"{words} That is more than {limit} ([budget] confirm_above). Go on?"):
        raise NotConfirmed(
            f"not confirmed: {words} Confirm with --yes, or raise [budget] confirm_above (now "
            f"{limit})"
        )
    if isinstance(confirm, ShownConfirm):
        session.context.note("said", text=words)
    else:
        session.context.say(words)


def price_of(session: Session, caption_spec: CaptionSpec, task: CaptionTask) -> Quote:
    """Price of what is still to be sent of a task."""
    ledger, template = session.ledger, request_template(caption_spec)
    with small_cache(ledger.database):
        price = quote(ledger, task, template, caption_spec.largest())
    price.limit(session.settings.limit)
    return price


def _today(session: Session) -> date:
    return datetime.fromtimestamp(session.clock.now(), UTC).date()
