"""Booking of a batch's answers: they are read and charged as its record says, where it was booked
before, as by a ledger that is lost; else as of today, and the record says so from then on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.core.batch_errors import BatchFailure
from pipeline.core.batch_results import Inspection
from pipeline.core.reading_rules import ReadingRules
from pipeline.ledger.batches import Batch
from pipeline.ledger.settled import Settled
from pipeline.ledger.shards import Shard
from pipeline.stages import results
from pipeline.stages.batch_record import note_booking, recorded_booking
from pipeline.stages.context import StageContext
from pipeline.stages.read_report import ReadReport


def book_answers(
    context: StageContext, shard: Shard, batch: Batch, paths: Sequence[Path],
    failure: BatchFailure | None, report: ReadReport, inspection: Inspection,
) -> Settled:  # fmt: skip
    """Read and charge the answers in `paths`, inside the transaction that settles the batch.

    Raises:
        Unexplained, DamagedFile: as `results.read_answers`.
        StorageError: the record cannot be written.
    """
    ledger, place = context.ledger, (context.workspace, shard.shard_key, batch.batch_id)
    booking = recorded_booking(*place)
    rules = ReadingRules(booking.rules, context.whole_endings(shard.model))
    received_at = booking.received_at or context.clock.now()
    ledger.adoption.add_max_costs(shard.row, booking.highest)
    planned = ledger.answers.planned(shard, batch)
    answers = results.read_answers(
        ledger, shard, batch, paths, failure, report, context.wire_format, rules, inspection,
        planned,
    )  # fmt: skip
    settled = ledger.answers.settle(
        shard, batch, answers, context.rules, received_at, rules.version, report.ends, planned
    )
    note_booking(*place, received_at, settled.highest)
    return settled
