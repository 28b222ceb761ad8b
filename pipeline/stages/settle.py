"""Settling of batches whose files are here: a pure function of those files and one transaction.

Only a batch that its files explain is final. Another one is looked at again, then its answers are
booked and it stays open: to a person, and to whatever the service shows later.
"""

from __future__ import annotations

from msgspec import Struct

from pipeline.core.batch_errors import FAILURE_ADVICE, BatchFailure, classify
from pipeline.core.batch_results import Doubt
from pipeline.core.lifecycle import FROZEN, backoff_seconds
from pipeline.core.pauses import shown_span
from pipeline.core.words import counted
from pipeline.errors import CostAnomaly, NeedsPerson
from pipeline.ledger.batches import Batch
from pipeline.ledger.settled import Settled
from pipeline.ledger.shards import Shard
from pipeline.providers.base import AccountRefusal
from pipeline.stages import raw_files
from pipeline.stages.booking import book_answers
from pipeline.stages.context import StageContext
from pipeline.stages.inspection import inspect_batch
from pipeline.stages.read_report import ReadReport, Unexplained
from pipeline.stages.reconcile import next_generation
from pipeline.stages.recover import fetched_by_twin, raw_path
from pipeline.stages.table_facts import STALE
from pipeline.stages.values import RunTotals
from pipeline.system.failpoints import reached
from pipeline.system.files import put_aside

_REQUEUE = frozenset({"queue_full", "too_many_creates", "file_not_found_yet", "server"})


class RemoteEnd(Struct, frozen=True):
    """End of a batch as the service shows it, beyond the ledger's columns.

    Attributes:
        began: whether the batch was ever in progress, None when nobody says.
        unavailable: why a file of it could not be fetched whole, "" when all are here.
    """

    began: bool | None = None
    unavailable: str = ""

    @property
    def incomplete(self) -> bool:
        """Tell whether a file that the service names is not here as a whole."""
        return bool(self.unavailable)


def mark_downloaded(context: StageContext, batch: Batch) -> None:
    """Record that the files of a batch are here."""
    shard = context.ledger.shards.get(batch.shard)
    with context.ledger.database.transaction("downloaded"):
        context.ledger.batches.move(batch.row, "downloaded")
        if batch.decides_shard(shard.generation):
            context.ledger.shards.move(shard, "DOWNLOADED")


def settle_batch(
    context: StageContext,
    batch: Batch,
    totals: RunTotals,
    end: RemoteEnd | None = None,
    *,
    written_off: bool = False,
) -> bool:
    """Record the answers in the raw files of a batch and charge them, in one transaction.

    Args:
        written_off: a person decided that nothing more will come.

    Returns:
        False when a file was damaged: it is put aside, and the batch is open again.
    """
    ledger, report = context.ledger, ReadReport()
    shard = ledger.shards.get(batch.shard)
    paths = [p for kind in ("output", "error") if (p := raw_path(context, batch, kind)).exists()]
    failure = None if paths else _failure(batch)
    if failure is not None and _goes_again(context, shard, batch, failure, totals):
        return True
    end = end or RemoteEnd()
    reached("collect.before_settle")
    try:
        with ledger.answers.settling():
            inspection = inspect_batch(context, batch, end.began, written_off, end.incomplete)
            settled = book_answers(context, shard, batch, paths, failure, report, inspection)
            _record_findings(context, shard, batch, report, settled, end)
    except Unexplained as unexplained:
        _postpone(context, shard, batch, unexplained.doubt, totals)
    except raw_files.DamagedFile as damaged:
        _put_aside(context, shard, batch, damaged, totals)
        return False
    else:
        _report(context, shard, batch, settled, report, totals)
    return True


def write_off(context: StageContext, batch: Batch) -> RunTotals:
    """Settle a batch whose results are lost, as a person decided: its requests without an answer
    count as missing, and what was reserved for them is charged."""
    totals, settled = RunTotals(), False
    while not settled:  # again when a damaged file of it was put aside
        mark_downloaded(context, batch)
        current = context.ledger.batches.by_id(batch.batch_id)
        assert current is not None
        settled = settle_batch(context, current, totals, written_off=True)
    return totals


def _record_findings(
    context: StageContext,
    shard: Shard,
    batch: Batch,
    report: ReadReport,
    settled: Settled,
    end: RemoteEnd,
) -> None:
    now = context.clock.now()
    report.incidents += [("batch_usage", text) for text in settled.differences]
    for kind, text in report.incidents:
        context.ledger.incident(now, kind, text, shard.row, batch.row)
    if settled.over:
        _freeze_budget(context, batch, settled.over)
    if settled.outcomes:
        context.ledger.put(STALE, "1")
    if report.doubt is not None:
        _leave_open(context, shard, batch, report.doubt, end)


def _report(
    context: StageContext,
    shard: Shard,
    batch: Batch,
    settled: Settled,
    report: ReadReport,
    totals: RunTotals,
) -> None:
    """Count what was booked, and say what is odd about it."""
    totals.count_settled(settled, final=report.doubt is None)
    event = "batch.settled" if report.doubt is None else "batch.left_open"
    context.note(event, batch=batch.batch_id, shard=shard.shard_key,
              outcomes=dict(settled.outcomes), billed_nano_usd=settled.billed,
              again=settled.again)  # fmt: skip
    for _, text in report.incidents:
        totals.note_problem(text)
    if settled.over:
        totals.fail(CostAnomaly(context.ledger.get(FROZEN) or ""))
    if report.doubt is not None:
        words = _open_words(context, batch, report.doubt)
        totals.fail(NeedsPerson(words), blocks=False)


def _reopen(context: StageContext, shard: Shard, batch: Batch, doubt: str = "") -> None:
    """Open a batch to another look at the service."""
    shard = context.ledger.shards.get(shard.row)
    context.ledger.batches.postpone(batch, context.clock.moment(), doubt)
    if batch.decides_shard(shard.generation) and shard.state == "DOWNLOADED":
        context.ledger.shards.move(shard, "SUBMITTED")


def _postpone(
    context: StageContext, shard: Shard, batch: Batch, doubt: Doubt, totals: RunTotals
) -> None:
    """Leave a batch to the next look: its files, their ids or its counts may only be late."""
    with context.ledger.database.transaction("look_again"):
        _reopen(context, shard, batch, doubt.text)
    totals.open += 1
    text = f"batch {batch.batch_id} is {batch.status}, but {doubt.text}: it is looked at again"
    context.note("batch.unexplained", level="warning", batch=batch.batch_id, text=text)
    if batch.late_since is None:
        context.say(text)


def _leave_open(
    context: StageContext, shard: Shard, batch: Batch, doubt: Doubt, end: RemoteEnd
) -> None:
    """Keep a batch open whose answers are booked: a person decides about the rest, and what the
    service shows later is still taken."""
    ledger, now = context.ledger, context.clock.now()
    _reopen(context, shard, batch, doubt.text)
    if end.unavailable:
        ledger.batches.vanished(batch.row, now)
    kind = "vanished" if end.unavailable else "unexplained"
    text = _open_words(context, batch, doubt)
    if end.unavailable:
        text = f"{text} ({end.unavailable})"
    ledger.incident(now, kind, text, shard.row, batch.row)


def _open_words(context: StageContext, batch: Batch, doubt: Doubt) -> str:
    text = (
        f"batch {batch.batch_id} is {batch.status}, but {doubt.text}. Nothing of it is sent again, "
        "what was reserved stays reserved, and each run looks again"
        f"{fetched_by_twin(context, batch)}"
    )
    if not any(True for _ in context.ledger.shards.items(batch.shard)):
        return text  # what stops for its sake says how to end it, see reconcile.opaque_shards
    return f"{text}; 'captionmill resolve write-off' ends it when the service will give no more"


def _put_aside(
    context: StageContext,
    shard: Shard,
    batch: Batch,
    damaged: raw_files.DamagedFile,
    totals: RunTotals,
) -> None:
    """Put a damaged raw file aside, so that it is fetched again from whoever has it."""
    moved = put_aside(damaged.path)
    text = f"{damaged.path} is damaged ({damaged.reason}) and put aside as {moved.name}"
    with context.ledger.database.transaction("put_aside"):
        if batch.role == "file":
            context.ledger.handed_out.forget(batch.row)
            text = f"{text}: name the file that it came from again ('captionmill collect --from')"
        else:
            text = f"{text}: it is fetched again"
            _reopen(context, shard, batch)
        context.ledger.incident(context.clock.now(), "damaged", text, shard.row, batch.row)
    totals.note_problem(text)


def _failure(batch: Batch) -> BatchFailure | None:
    """Reason why a batch failed as a whole, None when it ran."""
    if batch.status != "failed" or (batch.completed or 0) + (batch.failed or 0):
        return None
    code, _, message = batch.problem.partition(": ")
    return classify(code, message)


def _goes_again(
    context: StageContext, shard: Shard, batch: Batch, failure: BatchFailure, totals: RunTotals
) -> bool:
    """Send a shard again whose batch never ran for a reason that passes; no attempt is consumed.
    False when its requests have failed for good."""
    if not batch.decides_shard(shard.generation) or failure.kind not in {
        *_REQUEUE,
        *FAILURE_ADVICE,
    }:
        return False
    now = context.clock.now()
    refusals = shard.refusals + 1
    needs_person = failure.kind in FAILURE_ADVICE
    wait = 0 if needs_person else backoff_seconds(refusals, context.patience.backoff)
    with context.ledger.database.transaction("requeue"):
        if failure.kind == "queue_full" and failure.limit:
            context.ledger.queue.learn_limit(shard.model, failure.limit)
        context.ledger.batches.move(batch.row, "settled")
        next_generation(context, shard, not_before=now + wait)
        context.ledger.shards.note_refusal(shard.row, refusals, batch.problem)
    text = f"batch {batch.batch_id} was refused ({batch.problem}); "
    text += FAILURE_ADVICE.get(failure.kind) or f"it goes again after {shown_span(wait)}"
    context.note("batch.goes_again", level="warning", batch=batch.batch_id, text=text)
    if needs_person:
        totals.fail(AccountRefusal(text, code=failure.code or None))
    else:
        totals.note_problem(text)
    return True


def _freeze_budget(context: StageContext, batch: Batch, over: list[str]) -> None:
    text = (
        f"{counted(len(over), 'line')} of batch {batch.batch_id} cost more than was reserved "
        f"(first: {over[0]}): nothing more is sent. Look at 'captionmill status', correct the "
        "prices or the margin, then run 'captionmill resolve unfreeze'"
    )
    context.ledger.put(FROZEN, text)
    context.ledger.incident(context.clock.now(), "over_reservation", text, batch.shard, batch.row)
