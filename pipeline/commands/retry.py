"""Retry of images with the next run, because a person wants it."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.config import Config
from pipeline.core.outcomes import RETRYABLE_OUTCOMES
from pipeline.core.pricing import format_usd
from pipeline.errors import UsageError
from pipeline.records import Say
from pipeline.session.session import open_session
from pipeline.session.settings import RunSettings
from pipeline.stages.table_facts import STALE

STALE_IMAGES = "stale"
"""Word for images that version 0.1.0 prepared wrongly, which are no outcome."""


def retry(config: Config, outcomes: Iterable[str], say: Say) -> int:
    """Let images with these outcomes go again with the next run; gives how many.

    Raises:
        UsageError: an outcome that cannot be retried.
    """
    wanted = list(dict.fromkeys(outcomes))
    choices = (*RETRYABLE_OUTCOMES, STALE_IMAGES)
    unknown = [name for name in wanted if name not in choices]
    if unknown or not wanted:
        choice = ", ".join(choices)
        raise UsageError(f"cannot retry {', '.join(unknown) or 'nothing'}: choose among {choice}")
    with open_session(RunSettings.of(config), "retry", say, offline=True, existing=True) as session:
        ledger = session.ledger
        outcomes = [name for name in wanted if name != STALE_IMAGES]
        most = ledger.answers.max_cost(outcomes)
        count = ledger.answers.retry(outcomes)
        if count and most:
            say(
                f"the next run asks for at most {format_usd(most)} for them, and a run with --yes "
                "sends them under its caps only"
            )
        if STALE_IMAGES in wanted:
            with ledger.database.transaction("retry"):
                count += ledger.rechecks.let_go()
        ledger.put(STALE, "1")
        return count
