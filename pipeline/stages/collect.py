"""Polling of unfinished batches, and download of finished ones.

Raw files are made durable before anything is read from them, so that a kill anywhere only means
doing it again; what they say is settled in `stages.settle`.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.core.batch_results import most_result_bytes
from pipeline.core.lifecycle import next_step
from pipeline.errors import NeedsPerson, NotFound, ServiceError
from pipeline.ledger.batches import Batch
from pipeline.ledger.online_groups import is_online
from pipeline.providers.base import FileTooLarge, ShortDownload
from pipeline.records import RemoteBatch
from pipeline.stages import raw_files
from pipeline.stages.batch_record import Booking, recorded_booking, write_batch_record
from pipeline.stages.context import StageContext
from pipeline.stages.recover import raw_path
from pipeline.stages.settle import RemoteEnd, mark_downloaded, settle_batch
from pipeline.stages.values import RunTotals
from pipeline.stages.waiting import pause_weighed
from pipeline.system.clock import Moment, elapsed
from pipeline.system.failpoints import reached
from pipeline.system.files import remove_quietly

NOT_THERE = (403, 404)  # HTTP statuses of a file that a service has named and does not give yet


class _Overdue(NeedsPerson):
    """Batch that is long past its end, is not over, and cannot be cancelled."""

    def __init__(self, word: str) -> None:
        super().__init__(f"is {word!r} at the service, long after it expired, and not cancelled")


_Ends = dict[int, RemoteEnd]  # by row of the batch, as this look found them


def collect_batches(
    context: StageContext, totals: RunTotals | None = None, *, young_only: bool = False
) -> RunTotals:
    """Poll, download and settle everything that is finished.

    One batch's trouble does not stop the others: see `RunTotals.error`. But once the service asks
    for a pause, nothing more is asked in this look.

    Args:
        young_only: ask only about batches that may still be refused as a whole.
    """
    totals = totals or RunTotals()
    totals.open = 0
    ends: _Ends = {}
    for batch in context.ledger.batches.in_states("open"):
        context.check_stop()
        if is_online(batch.batch_id):
            continue  # no service knows of it: see stages/online/
        if totals.retry_after or (young_only and batch.status != "validating"):
            totals.open += 1
            continue
        _poll(context, batch, totals, ends)
    for batch in context.ledger.batches.in_states("downloaded"):
        context.check_stop()
        if not settle_batch(context, batch, totals, ends.get(batch.row)):
            _fetch_again(context, batch, totals, ends)
    return totals


def _fetch_again(context: StageContext, batch: Batch, totals: RunTotals, ends: _Ends) -> None:
    """Fetch and settle a batch again after one of its raw files was damaged."""
    opened = context.ledger.batches.by_id(batch.batch_id)
    if opened is None:
        return  # it came as a file, which may be named again
    if opened.state == "open":
        _poll(context, opened, totals, ends)
        opened = context.ledger.batches.by_id(batch.batch_id)
    if opened is not None and opened.state == "downloaded":
        settle_batch(context, opened, totals, ends.get(batch.row))


def _poll(context: StageContext, batch: Batch, totals: RunTotals, ends: _Ends) -> None:
    """Poll one batch; what it cannot do now is counted in `totals`."""
    try:
        end = _observe(context, batch)
    except NotFound as error:
        _leave_to_person(context, batch, f"is gone at the service ({error})", totals)
    except _Overdue as overdue:
        _leave_to_person(context, batch, str(overdue), totals)
    except (ServiceError, NeedsPerson) as error:
        totals.open += 1
        totals.fail(pause_weighed(context, error))
    else:
        if end is None:
            totals.open += 1
        else:
            ends[batch.row] = end


def _observe(context: StageContext, batch: Batch) -> RemoteEnd | None:
    """Look at one batch; gives its end when it is over and its results are here."""
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
    unwanted = batch.role == "stray" and not remote.terminal
    if batch.cancel_asked_at is None and (step in ("cancel", "person") or unwanted):
        refusal = _cancel(context, batch, now)
        if refusal is not None and step != "person":
            raise refusal
    if step == "person":
        raise _Overdue(remote.raw_status)
    if step != "download":
        return None
    current = context.ledger.batches.by_id(batch.batch_id)
    assert current is not None
    files = (("output", current.output_file_id), ("error", current.error_file_id))
    unavailable = [_fetch(context, current, kind, file_id) for kind, file_id in files if file_id]
    shard = context.ledger.shards.get(current.shard)
    before = recorded_booking(context.workspace, shard.shard_key, remote.id)
    booking = Booking(received_at=now, highest=before.highest)
    write_batch_record(context, shard, current.generation, remote, booking)
    context.mirror.keep(at_once=False)
    mark_downloaded(context, current)
    return RemoteEnd(remote.began, "; ".join(filter(None, unavailable)))


def _cancel(context: StageContext, batch: Batch, now: int) -> ServiceError | None:
    """Ask for a batch to be cancelled; gives the service's refusal."""
    try:
        context.service.cancel(batch.batch_id)
    except ServiceError as error:
        return error
    context.ledger.batches.cancel_asked(batch.row, now)  # only then: asking twice does no harm
    return None


def _service_time(context: StageContext, batch: Batch) -> int:
    """Time of the service as far as it is certain: when it created the batch, and what has passed
    here since. A wall clock that is days ahead must not cancel every batch."""
    shard, now = context.ledger.shards.get(batch.shard), context.clock.moment()
    since = Moment(
        now.wall if shard.intent_at is None else shard.intent_at, shard.intent_uptime or ""
    )
    return batch.created_at + elapsed(since, now)


def _fetch(context: StageContext, batch: Batch, kind: str, file_id: str) -> str:
    """Fetch a file of a batch, also one that is here but did not explain the batch; gives why it
    is not there as a whole, "" when it is."""
    target = raw_path(context, batch, kind)
    if target.exists() and batch.late_since is None:
        return ""
    reached("collect.before_download")
    try:
        fetch_raw(context, batch, file_id, target)
    except ShortDownload as error:
        return str(error)
    except ServiceError as error:
        if error.status not in NOT_THERE and not isinstance(error, FileTooLarge):
            raise
        return "" if target.exists() else str(error)
    reached("collect.after_download")
    return ""


def fetch_raw(context: StageContext, batch: Batch, file_id: str, target: Path) -> None:
    """Fetch a file of a batch as a raw file.

    Raises:
        ShortDownload: what is stored has fewer bytes than the service says.
        ServiceError: the service does not give it whole.
        FileTooLarge: it is none of the batch's answers.
    """
    partial = target.with_name(f"_{target.name}.part")
    shard = context.ledger.shards.get(batch.shard)
    most = most_result_bytes(
        shard.requests or batch.total or 0, context.ledger.specs.max_tokens(shard.spec)
    )
    try:
        context.service.download(file_id, partial, most)
        raw_files.store_newer(partial, target)
    except ShortDownload:
        raw_files.store_newer(partial, target)
        raise
    finally:
        remove_quietly(partial)


def _leave_to_person(context: StageContext, batch: Batch, words: str, totals: RunTotals) -> None:
    """Record that the service gives no answers of a batch: its reservation stays, a person decides,
    and later looks still take what appears."""
    text = f"batch {batch.batch_id} {words}"
    context.ledger.batches.vanished(batch.row, context.clock.now())
    context.ledger.incident(context.clock.now(), "vanished", text, batch.shard, batch.row)
    sentence = (
        f"{text}: its reservation is kept and nothing of it is sent again; 'captionmill resolve "
        "write-off' ends it when the service will give no more"
    )
    totals.fail(NeedsPerson(sentence), blocks=False)


def settle_from_files(context: StageContext, remote: RemoteBatch, totals: RunTotals) -> None:
    """Settle an adopted batch whose raw files are here, without asking the service. One that
    failed as a whole brought none and was created again."""
    batch = context.ledger.batches.by_id(remote.id)
    if batch is None or batch.state != "open" or remote.status == "failed":
        return
    context.ledger.batches.observe(remote, context.clock.now())
    files = (("output", remote.output_file_id), ("error", remote.error_file_id))
    if all(raw_path(context, batch, kind).exists() for kind, file_id in files if file_id):
        mark_downloaded(context, batch)
        settle_batch(context, batch, totals, RemoteEnd(remote.began))
