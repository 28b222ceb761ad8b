"""Record of a run: its row in the ledger, its log, its summary, and the notice of its end."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.config.telling import NotifyConfig
from pipeline.errors import Busy, CaptionmillError, StorageError
from pipeline.records import Say
from pipeline.session.report import Report
from pipeline.session.session import Session
from pipeline.system.files import write_whole
from pipeline.system.notify import Notice, tell
from pipeline.system.run_log import iso, summary_path


@contextmanager
def notified(notify: NotifyConfig, command: str, say: Say) -> Iterator[Report]:
    """Yield a report for the block to fill; afterwards, however it ended, send the notice of it.

    The workspace is free again by then, so that the notified program can use it.
    """
    report, notice = Report(command=command), _notice(notify)
    try:
        yield report
    except Busy:
        raise  # the run that is at work tells about itself
    except Exception as error:
        report.end_by(error)
        _notify(notice, report, say)
        raise
    _notify(notice, report, say)


def notify_refusal(notify: NotifyConfig, command: str, refusal: CaptionmillError, say: Say) -> None:
    """Send the notice of a command that was refused before it began."""
    report = Report(command=command)
    report.end_by(refusal)
    _notify(_notice(notify), report, say)


def _notice(notify: NotifyConfig) -> Notice:
    return Notice(notify.command, notify.url, notify.when, notify.timeout, notify.failed_share)


def _notify(notice: Notice, report: Report, say: Say) -> None:
    for text in tell(notice, report.as_dict()):
        say(text)
        report.problems.append(text)


@contextmanager
def recorded(session: Session, report: Report) -> Iterator[None]:
    """Record how a run ends, whatever ends it: in the ledger, the log and the summary."""
    began = time.monotonic()
    report.run, report.started_at = session.context.run, iso(session.clock.now())
    report.table, report.provider = str(session.table), session.identity.provider
    try:
        yield
    except Exception as error:
        report.end_by(error)
        if not isinstance(error, CaptionmillError):
            session.log.write("bug", level="error", traceback=traceback.format_exc())
        _end(session, report, time.monotonic() - began)
        raise
    _end(session, report, time.monotonic() - began)


def _end(session: Session, report: Report, seconds: float) -> None:
    ledger, now = session.ledger, session.clock.now()
    report.seconds, report.ended_at = seconds, iso(now)
    report.run_settled, report.run_reserved = ledger.reservations.run_charges(session.context.run)
    report.add_advice()
    summary = report.as_dict()
    for text in report.problems:
        session.log.write("problem", level="warning", text=text)
    for at, kind, text in report.incidents:
        session.log.write("incident", level="warning", since=iso(at), kind=kind, text=text)
    level = "info" if report.exit_code in (0, 3) else "error"
    session.log.write("run.ended", level=level, summary=summary)
    try:
        data = json.dumps(summary, indent=1).encode() + b"\n"
        write_whole(summary_path(session.workspace.logs, session.context.run), data)
        write_whole(session.workspace.last_run, data)
    except StorageError as error:
        report.problems.append(f"the run's summary is not written: {error}")
    ledger.end_run(session.context.run, now, report.exit_code, summary)
