"""What a run asks for, and the price that its user is asked about."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

from pipeline.config import Config
from pipeline.core.pricing import format_usd
from pipeline.errors import NeedsPerson, UsageError
from pipeline.session import settings, spec
from pipeline.session.session import Session
from pipeline.session.spec import Wish
from pipeline.stages.preprocess import Order
from pipeline.stages.quote import Quote, quote

Confirm = Callable[[str], bool]


def wish_of(session: Session, config: Config | None = None) -> Wish:
    """What a configuration asks for, calibrated by the bills so far."""
    config = config or session.config
    return spec.wish(
        config,
        local=session.identity.local,
        account=session.identity.account,
        now=session.clock.now(),
        calibration=spec.ratio(session.ledger.answers.calibration(), config.provider.model),
    )


def ask(session: Session, wish: Wish, order: Order, confirm: Confirm) -> Quote | None:
    """Show the price of what is new, and ask above the configured amount; None: nothing is new.

    Raises:
        UsageError: the price is unknown under a budget.
        NeedsPerson: nobody said yes.
    """
    if session.ledger.images.idle(order.source, order.spec):
        return None
    going = wish.facts.shutdown_warning(_today(session))
    if going:
        session.desk.say(going)
    found = quote(session.ledger, order, settings.quill(wish), wish.largest())
    before = session.ledger.images.spec_of(order.source)
    if found.requests and before not in (None, order.spec):
        session.desk.say(f"the prompt or model has changed: {found.sentence()}")
    elif found.requests and not session.identity.local:
        session.desk.say(found.sentence())
    if found.requests and found.worst is None and session.desk.caps.any:
        raise UsageError(wish.unbounded())
    limit = session.config.budget.confirm_above
    if (
        found.worst is not None
        and found.worst > limit
        and not confirm(f"{found.sentence()} Go on?")
    ):
        raise NeedsPerson(
            f"not confirmed: {found.sentence()} Confirm with --yes, or raise [budget] "
            f"confirm_above (now {format_usd(limit)})"
        )
    return found


def _today(session: Session) -> date:
    return datetime.fromtimestamp(session.clock.now(), UTC).date()
