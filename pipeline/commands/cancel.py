"""Cancelling of requests under way, at the service or out in files."""

from __future__ import annotations

from pipeline.config import Config
from pipeline.errors import ServiceError
from pipeline.ledger.online_groups import is_online
from pipeline.records import Say
from pipeline.session.online import collect_background
from pipeline.session.session import open_session
from pipeline.session.settings import RunSettings
from pipeline.stages.files.hand_out import take_back
from pipeline.stages.reconcile import reconcile, take_all_apart
from pipeline.stages.values import RunTotals


def cancel(config: Config, say: Say) -> int:
    """Ask the service to cancel everything under way; gives how many batches. What they have
    finished is collected by later runs and paid for; the rest goes again or stays pending."""
    count = 0
    with open_session(RunSettings.of(config), "cancel", say, existing=True) as session:
        context = session.context
        reconcile(context)
        count += collect_background(session, RunTotals(), cancel=True)
        for batch in context.ledger.batches.in_states("open"):
            context.check_stop()
            if is_online(batch.batch_id):
                continue
            try:
                context.service.cancel(batch.batch_id)
                context.ledger.batches.cancel_asked(batch.row, context.clock.now())
                count += 1
            except ServiceError as error:
                say(f"batch {batch.batch_id} is not cancelled: {error}")
        take_all_apart(context)
    return count


def cancel_files(config: Config, say: Say) -> int:
    """Take back requests that are out in files and not answered, so that the next run sends them;
    gives their number.

    Raises:
        UsageError: there is no workspace.
    """
    with open_session(
        RunSettings.of(config), "cancel --files", say, offline=True, existing=True
    ) as session:
        return take_back(session.context)
