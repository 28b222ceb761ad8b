"""Retry of images with the next run, because a person wants it."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.config import Config
from pipeline.core.outcomes import RETRYABLE_OUTCOMES
from pipeline.errors import UsageError
from pipeline.records import Say
from pipeline.session.session import open_session
from pipeline.session.settings import RunSettings
from pipeline.stages.export import STALE


def retry(config: Config, outcomes: Iterable[str], say: Say) -> int:
    """Let images with these outcomes go again with the next run; gives how many.

    Raises:
        UsageError: an outcome that cannot be retried.
    """
    wanted = list(dict.fromkeys(outcomes))
    unknown = [name for name in wanted if name not in RETRYABLE_OUTCOMES]
    if unknown or not wanted:
        choice = ", ".join(RETRYABLE_OUTCOMES)
        raise UsageError(f"cannot retry {', '.join(unknown) or 'nothing'}: choose among {choice}")
    with open_session(RunSettings.of(config), "retry", say, offline=True, existing=True) as session:
        count = session.ledger.answers.retry(wanted)
        session.ledger.put(STALE, "1")
        return count
