"""Answers fetched, from the service or from files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.config import Config
from pipeline.records import Say
from pipeline.session import settings, spec
from pipeline.session.finish import finish
from pipeline.session.online import look_at_service
from pipeline.session.record import recorded, told
from pipeline.session.report import Report
from pipeline.session.session import Session, open_session
from pipeline.stages.collect import Collected
from pipeline.stages.collect import collect as collect_batches
from pipeline.stages.files.merge import Origin
from pipeline.stages.files.merge import merge as merge_file
from pipeline.stages.runner import RunTotals
from pipeline.system.signals import Stopper


def collect(
    config: Config, *, say: Say = lambda _text: None, stopper: Stopper | None = None
) -> Report:
    """Fetch what is finished of everything under way, make the table anew, return.

    Args:
        stopper: asked between two steps whether to stop; signals by default.
    """
    with (
        told(settings.notice(config), "collect", say) as report,
        open_session(config, "collect", say, stopper=stopper) as session,
        recorded(session, report),
    ):
        run_totals = RunTotals()
        look_at_service(session, run_totals)
        found = collect_batches(session.context)
        run_totals.settled, run_totals.outcomes, run_totals.open = (
            found.batches,
            found.outcomes,
            found.open,
        )
        run_totals.problems += found.problems
        run_totals.error = run_totals.error or found.error
        report.add_tally(run_totals)
        finish(session, report)
    return report


def merge(config: Config, files: Sequence[str | Path], *, say: Say = lambda _text: None) -> Report:
    """Take the answers in output and error files, from wherever they come.

    Raises:
        CaptionmillError: see the error tree.
    """
    with (
        told(settings.notice(config), "collect --from", say) as report,
        open_session(config, "collect --from", say, offline=True) as session,
        recorded(session, report),
    ):
        found, run_totals = Collected(), RunTotals()
        for path in files:
            merge_file(session.context, Path(path), _origin(session), found)
        run_totals.settled, run_totals.outcomes = found.batches, found.outcomes
        run_totals.prompt_tokens = found.prompt_tokens
        run_totals.completion_tokens = found.completion_tokens
        run_totals.problems, run_totals.error = found.problems, found.error
        report.add_tally(run_totals)
        finish(session, report)
    return report


def _origin(session: Session) -> Origin:
    """The configured model and its prices, for answers that were not asked for here."""
    identity = session.identity
    caption_spec = spec.build_spec(
        session.config,
        local=identity.local,
        account=identity.account,
        now=session.clock.now(),
    )
    return Origin(
        caption_spec.request.model, caption_spec.sheet.to_text() if caption_spec.sheet else None
    )
