"""End of every run: the table anew, the counts proved, what is no longer needed removed."""

from __future__ import annotations

import shlex

from pipeline.core.lifecycle import TWIN
from pipeline.ledger.page_cache import small_cache
from pipeline.review.in_force import EditedRows
from pipeline.session.beside import write_beside
from pipeline.session.checks import deviations, repeated_captions, unknown_endings
from pipeline.session.publish import publish_outputs
from pipeline.session.report import Report
from pipeline.session.report_lines import captions_apart
from pipeline.session.session import Session
from pipeline.sinks import OUTPUTS, OutputOptions, open_sink
from pipeline.sinks.base import WrittenTable
from pipeline.stages.clean import remove_finished
from pipeline.stages.export import renamed_columns, write_rejects, write_table
from pipeline.stages.prune import prune
from pipeline.stages.table_facts import outcomes_by_source

_NEWEST, _CAPTIONS = 64, 3


def finish(session: Session, report: Report, sources: tuple[int, ...] | None = None) -> None:
    """Make the table anew when anything changed, prove the counts, then clean up."""
    ledger = session.ledger
    written = export_all(session)
    if ledger.get(TWIN) is None:  # else they may be the other copy's
        publish_outputs(session)
    report.rows = written.rows if written else None
    for sentence in renamed_columns(ledger):
        session.context.say(sentence)
    report.other_sources = [] if sources is None else ledger.sources.others(sources)
    report.stale = ledger.rechecks.summary(sources)
    report.problems += write_beside(session)
    report.add_rows(ledger, sources, outcomes_by_source(ledger, sources))
    of_endings = list(unknown_endings(ledger)) if report.outcomes["invalid"] else []
    report.add_due(ledger.due.outcomes(sources), of_endings)
    totals = ledger.reservations.totals()
    report.settled, report.reserved = totals.charged, totals.reserved
    report.incidents = ledger.incidents()
    if report.settled_batches and not session.identity.local:
        report.problems += [*deviations(ledger), *repeated_captions(ledger)]
    report.in_files = ledger.handed_out.outstanding()
    if report.completion_tokens:
        report.captions = captions_apart(ledger.rows.newest_captions(_NEWEST), _CAPTIONS)
        place, workspace = session.settings.account.place, session.workspace
        named = place.needs_name(workspace, session.identity.provider)
        report.reopen = f" --workspace {shlex.quote(str(workspace.root))}" if named else ""
    make_room(session)
    if not session.offline:
        report.problems += remove_finished(session.context).problems


def make_room(session: Session) -> int:
    """Delete downloaded images that are not needed, by the configured limits; gives how many."""
    folder = session.workspace.urls
    if not folder.is_dir():
        return 0
    now, check_stop = session.clock.now(), session.context.check_stop
    return prune(session.ledger, folder, session.settings.cache_limits, now, check_stop).images


def export_all(session: Session, *, force: bool = False) -> WrittenTable | None:
    """Write the table and the CSV of rejects, when anything has changed."""
    rejects = OUTPUTS["rejects"](OutputOptions(path=session.rejects))
    with small_cache(session.ledger.database):
        return write_table(
            session.ledger,
            open_sink(session.table),
            session.table,
            force=force,
            form=session.settings.output.form,
            review=EditedRows(session.edits),
            with_it=lambda: write_rejects(session.ledger, rejects),
        )
