"""Polling of unfinished batches, download and settling of finished ones.

Raw files are made durable first; settling them is a pure function of those files and one
transaction, so that a kill anywhere only means doing it again.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.core.batch_errors import FAILURE_ADVICE, BatchFailure, classify
from pipeline.core.lifecycle import backoff_seconds, next_step
from pipeline.core.pauses import shown_span
from pipeline.core.reading_rules import ReadingRules
from pipeline.core.words import counted
from pipeline.errors import CostAnomaly, NeedsPerson, NotFound, ServiceError
from pipeline.ledger.batches import Batch
from pipeline.ledger.online_groups import is_online
from pipeline.ledger.shards import Shard
from pipeline.providers.base import AccountRefusal
from pipeline.records import RemoteBatch
from pipeline.stages import results
from pipeline.stages.batch_record import recorded_rules, write_batch_record
from pipeline.stages.context import FROZEN, StageContext
from pipeline.stages.export import STALE
from pipeline.stages.reconcile import next_generation
from pipeline.stages.values import RunTotals
from pipeline.system.clock import Moment, elapsed
from pipeline.system.failpoints import reached

_REQUEUE = frozenset({"queue_full", "too_many_creates", "file_not_found_yet", "server"})


def collect_batches(
    context: StageContext, totals: RunTotals | None = None, *, young_only: bool = False
) -> RunTotals:
    """Poll, download and settle everything that is finished.

    One batch's trouble does not stop the others: see `RunTotals.error`.

    Args:
        young_only: ask only about batches that may still be refused as a whole.
    """
    totals = totals or RunTotals()
    totals.open = 0
    for batch in context.ledger.batches.in_states("open"):
        context.check_stop()
        if is_online(batch.batch_id):
            continue  # no service knows of it: see stages/online/
        if young_only and batch.status != "validating":
            totals.open += 1
            continue
        try:
            if not _poll(context, batch):
                totals.open += 1
        except NotFound as error:
            _vanished(context, batch, error, totals)
        except (ServiceError, NeedsPerson) as error:
            totals.open += 1
            totals.fail(error)
    for batch in context.ledger.batches.in_states("downloaded"):
        context.check_stop()
        settle_batch(context, batch, totals)
    return totals


def _poll(context: StageContext, batch: Batch) -> bool:
    """Poll one batch; True when its results are safe here."""
    remote = context.service.get(batch.batch_id)
    now = context.clock.now()
    context.ledger.batches.observe(remote, now)
    context.note("batch.seen", level="debug", batch=remote.id, status=remote.raw_status,
              completed=remote.completed, failed=remote.failed)  # fmt: skip
    step = next_step(
        remote.status,
        remote.expires_at or batch.expires_at,
        batch.cancel_asked_at is not None,
        _service_time(context, batch),
        context.patience,
    )
    unwanted = batch.role == "stray" and not remote.terminal and batch.cancel_asked_at is None
    if step == "cancel" or unwanted:
        context.service.cancel(batch.batch_id)
        context.ledger.batches.cancel_asked(batch.row, now)  # only then: asking twice does no harm
    if step != "download":
        return False
    current = context.ledger.batches.by_id(batch.batch_id)
    assert current is not None
    for kind, file_id in (("output", current.output_file_id), ("error", current.error_file_id)):
        if file_id:
            _fetch(context, current, kind, file_id)
    write_batch_record(
        context, context.ledger.shards.get(current.shard), current.generation, remote
    )
    _downloaded(context, current)
    return True


def _service_time(context: StageContext, batch: Batch) -> int:
    """Time of the service as far as it is certain: when it created the batch, and what has passed
    here since. A wall clock that is days ahead must not cancel every batch."""
    shard, now = context.ledger.shards.get(batch.shard), context.clock.moment()
    since = Moment(
        now.wall if shard.intent_at is None else shard.intent_at, shard.intent_uptime or ""
    )
    return batch.created_at + elapsed(since, now)


def _fetch(context: StageContext, batch: Batch, kind: str, file_id: str) -> None:
    target = raw_path(context, batch, kind)
    if target.exists():
        return
    reached("collect.before_download")
    partial = target.with_name(f"_{target.name}.part")
    try:
        context.service.download(file_id, partial)
        results.store_compressed(partial, target)
    finally:
        partial.unlink(missing_ok=True)
    reached("collect.after_download")


def raw_path(context: StageContext, batch: Batch, kind: str) -> Path:
    """Path of a raw file of a batch; `kind` is output or error."""
    shard = context.ledger.shards.get(batch.shard)
    return context.workspace.answers(shard.shard_key, batch.batch_id, kind)


def _downloaded(context: StageContext, batch: Batch) -> None:
    shard = context.ledger.shards.get(batch.shard)
    with context.ledger.database.transaction("downloaded"):
        context.ledger.batches.move(batch.row, "downloaded")
        if batch.leads(shard.generation):
            context.ledger.shards.move(shard, "DOWNLOADED")


def _vanished(context: StageContext, batch: Batch, error: NotFound, totals: RunTotals) -> None:
    """Record that a batch or a file of it is gone: its reservation stays, a person decides."""
    text = f"batch {batch.batch_id} or a file of it is gone at the service ({error})"
    context.ledger.batches.vanished(batch.row, context.clock.now())
    context.ledger.incident(context.clock.now(), "vanished", text, batch.shard, batch.row)
    totals.fail(NeedsPerson(f"{text}: its reservation is kept and nothing of it is sent again"))


def settle_from_files(context: StageContext, remote: RemoteBatch, totals: RunTotals) -> None:
    """Settle an adopted batch whose raw files are here, without asking the service. One that
    failed as a whole brought none and was created again."""
    batch = context.ledger.batches.by_id(remote.id)
    if batch is None or batch.state != "open" or remote.status == "failed":
        return
    context.ledger.batches.observe(remote, context.clock.now())
    files = (("output", remote.output_file_id), ("error", remote.error_file_id))
    if all(raw_path(context, batch, kind).exists() for kind, file_id in files if file_id):
        _downloaded(context, batch)
        settle_batch(context, batch, totals)


def write_off(context: StageContext, batch: Batch) -> RunTotals:
    """Settle a batch whose results are lost, as a person decided: its requests count as missing,
    what was reserved for it is charged."""
    totals = RunTotals()
    _downloaded(context, batch)
    settle_batch(context, batch, totals)
    return totals


def settle_batch(context: StageContext, batch: Batch, totals: RunTotals) -> None:
    """Record the answers in the raw files of a batch and charge them, in one transaction."""
    shard = context.ledger.shards.get(batch.shard)
    paths = [p for kind in ("output", "error") if (p := raw_path(context, batch, kind)).exists()]
    failure = _failure(batch) if not paths else None
    if failure is not None and _goes_again(context, shard, batch, failure, totals):
        return
    rules = _reading_rules(context, shard, batch)
    report = results.ReadReport()
    reached("collect.before_settle")
    with context.ledger.database.transaction("settle"):
        answers = results.read_answers(
            context.ledger, shard, batch, paths, failure, report, context.wire_format, rules
        )
        settled = context.ledger.answers.settle(
            shard, batch, answers, context.rules, context.clock.now(), rules.version
        )
        for kind, text in report.incidents:
            context.ledger.incident(context.clock.now(), kind, text, shard.row, batch.row)
        if settled.over:
            _freeze(context, batch, settled.over)
        context.ledger.put(STALE, "1")
    totals.count_settled(settled)
    context.note("batch.settled", batch=batch.batch_id, shard=shard.shard_key,
              outcomes=dict(settled.outcomes), billed_nano_usd=settled.billed,
              again=settled.again)  # fmt: skip
    for _, text in report.incidents:
        totals.note_problem(text)
    if settled.over:
        totals.fail(CostAnomaly(context.ledger.get(FROZEN) or ""))


def _reading_rules(context: StageContext, shard: Shard, batch: Batch) -> ReadingRules:
    version = recorded_rules(context.workspace, shard.shard_key, batch.batch_id)
    return ReadingRules(version, context.whole_endings(shard.model))


def _failure(batch: Batch) -> BatchFailure | None:
    """Reason why a batch failed as a whole, None when it ran."""
    if batch.status != "failed":
        return None
    code, _, message = batch.problem.partition(": ")
    return classify(code, message)


def _goes_again(
    context: StageContext, shard: Shard, batch: Batch, failure: BatchFailure, totals: RunTotals
) -> bool:
    """Send a shard again whose batch never ran for a reason that passes; no attempt is consumed.
    False when its requests have failed for good."""
    if not batch.leads(shard.generation) or failure.kind not in {*_REQUEUE, *FAILURE_ADVICE}:
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


def _freeze(context: StageContext, batch: Batch, over: list[str]) -> None:
    text = (
        f"{counted(len(over), 'line')} of batch {batch.batch_id} cost more than was reserved "
        f"(first: {over[0]}): nothing more is sent. Look at 'captionmill status', correct the "
        "prices or the margin, then run 'captionmill resolve unfreeze'"
    )
    context.ledger.put(FROZEN, text)
    context.ledger.incident(context.clock.now(), "over_reservation", text, batch.shard, batch.row)
