"""Collecting of answers, from the service or from files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.config import Config, as_config
from pipeline.records import Say
from pipeline.session.finish import finish
from pipeline.session.online import collect_background, find_our_batches
from pipeline.session.record import notified, recorded
from pipeline.session.report import Report
from pipeline.session.session import Session, open_session
from pipeline.session.settings import RunSettings
from pipeline.stages.batch_record import mend_batch_records
from pipeline.stages.collect import collect_batches
from pipeline.stages.files.merge import Origin, merge_file
from pipeline.system.signals import Stopper


def collect(
    config: Config | str, *, say: Say = lambda _text: None, stopper: Stopper | None = None
) -> Report:
    """Fetch what is finished of everything under way, make the table anew, return.

    Args:
        stopper: checked between two steps; signals by default.
    """
    with (
        notified(as_config(config).notify, "collect", say) as report,
        open_session(
            RunSettings.of(config), "collect", say, stopper=stopper, existing=True
        ) as session,
        recorded(session, report),
    ):
        find_our_batches(session, report)
        collect_batches(session.context, report)
        collect_background(session, report)
        mend_batch_records(session.context)
        finish(session, report)
    return report


def collect_files(
    config: Config, files: Sequence[str | Path], *, say: Say = lambda _text: None
) -> Report:
    """Take the answers in output and error files, from wherever they come.

    Raises:
        CaptionmillError: see the error tree.
    """
    with (
        notified(as_config(config).notify, "collect --from", say) as report,
        open_session(RunSettings.of(config), "collect --from", say, offline=True) as session,
        recorded(session, report),
    ):
        for path in files:
            merge_file(session.context, Path(path), _origin(session), report)
        finish(session, report)
    return report


def _origin(session: Session) -> Origin:
    """Configured model and its prices, assumed of answers to foreign requests."""
    caption_spec = session.build_spec()
    sheet = caption_spec.sheet
    return Origin(caption_spec.request.model, sheet.to_text() if sheet else None)
