"""Groups whose background responses an earlier run left to be read.

Such a group is open in the ledger, with its reservation, and its journal says by which ids its
answers are read. It is settled like any other once they are all there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from pipeline.core.background import BackgroundPace
from pipeline.core.rate_limit import RateLimiter
from pipeline.ledger.online_groups import is_online
from pipeline.providers.base import OnlineService
from pipeline.stages.context import StageContext
from pipeline.stages.online.background_dispatcher import BackgroundDispatcher
from pipeline.stages.online.group import Group
from pipeline.stages.online.journal import Journal, journal_path, read_journal
from pipeline.stages.online.settle import settle_group
from pipeline.stages.values import RunTotals

_LOOK = 0.2  # seconds between two looks at a request to stop


def awaited_groups(context: StageContext) -> list[Group]:
    """Groups that an earlier run left open for responses that are still to be read."""
    groups = []
    for batch in context.ledger.batches.in_states("open"):
        if not is_online(batch.batch_id) or batch.vanished_at is not None:
            continue
        path = journal_path(context.workspace.raw, batch.batch_id)
        journal = Journal(path)  # takes off a torn last line
        groups.append(Group(batch.row, journal, deque(), 0, read_journal(path).awaited))
    return groups


def collect_responses(
    context: StageContext,
    connect: Callable[[], OnlineService],
    pace: BackgroundPace,
    totals: RunTotals,
) -> int:
    """Read each response that is awaited once, and settle the groups that are whole; gives how many
    responses were awaited. What is not over is counted as open."""
    groups = awaited_groups(context)
    awaited = sum(len(group.pending) for group in groups)
    with BackgroundDispatcher(connect, RateLimiter(1), pace) as dispatcher:
        for group in groups:
            dispatcher.send(group)
        while dispatcher.open:
            finished = dispatcher.finished(_LOOK)
            if finished is not None:
                dispatcher.delete(settle_group(context, finished.row, totals))
            elif context.stopping():
                dispatcher.stop()
    if dispatcher.error is not None:
        totals.fail(dispatcher.error)
    return awaited
