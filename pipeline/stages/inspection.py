"""Looks at a terminal batch so far, as the ledger remembers them."""

from __future__ import annotations

from msgspec.structs import replace

from pipeline.core.batch_results import Doubt, Inspection
from pipeline.ledger.batches import Batch
from pipeline.stages.context import StageContext
from pipeline.system.clock import Moment, elapsed


def inspect_batch(
    context: StageContext,
    batch: Batch,
    began: bool | None = None,
    written_off: bool = False,
    incomplete: bool = False,
) -> Inspection:
    """Look at a batch that is made now, beside those before.

    Args:
        began: whether the batch was ever in progress, None when nobody says.
        written_off: a person decided that nothing more will come.
        incomplete: a file that the service names is not here as a whole.
    """
    now = context.clock.moment()
    since = Moment(batch.late_since or now.wall, batch.late_uptime or now.uptime)
    steady_since = Moment(batch.doubt_since or now.wall, batch.doubt_uptime or now.uptime)
    return Inspection(
        seconds=elapsed(since, now),
        inspections=batch.late_looks + 1,
        last=batch.doubt,
        steady=elapsed(steady_since, now),
        grace=context.patience.grace,
        began=began,
        written_off=written_off,
        incomplete=incomplete,
    )


def is_left_open(context: StageContext, batch: Batch) -> bool:
    """Tell whether only a person can end a batch: the service does not explain it."""
    so_far = replace(inspect_batch(context, batch), inspections=batch.late_looks)
    return batch.vanished_at is not None or so_far.verdict(Doubt("")) == "person"
