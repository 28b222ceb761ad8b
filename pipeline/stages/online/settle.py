"""Settling of groups of online requests, whatever ended them.

A group's journal says what was sent and what was answered; its batch record, written before
anything of it leaves, says that there was a group. No service lists groups, so the two are what
tells a lost or older ledger what was paid for.
"""

from __future__ import annotations

import gzip

from pipeline.core.identity import WorkAttempt, custom_id, parse_custom_id
from pipeline.core.words import counted
from pipeline.ledger.batches import Batch
from pipeline.ledger.online_groups import ONLINE, OnlineGroups, is_online
from pipeline.ledger.shards import Shard
from pipeline.records import RemoteBatch
from pipeline.stages.batch_record import batch_record_path, read_batch_records, write_batch_record
from pipeline.stages.context import StageContext
from pipeline.stages.online.journal import Journal, journal_path, keep_answers, read_journal
from pipeline.stages.raw_files import damage_of
from pipeline.stages.recover import (
    answered_requests,
    is_ours,
    raw_path,
    recovered_shard,
    requests_of,
)
from pipeline.stages.settle import settle_batch
from pipeline.stages.values import RunTotals
from pipeline.system.failpoints import reached
from pipeline.system.files import put_aside, remove, whole_file


def begin(context: StageContext, shard: Shard) -> Batch:
    """Reserve a group's max cost and let its requests be sent from now on, in one transaction.

    Raises:
        OverBudget: a cap would be passed; nothing is changed.
    """
    with context.ledger.database.transaction("online_begin"):
        context.ledger.reservations.reserve(
            shard.row, shard.generation, shard.max_cost, context.caps, context.scope()
        )
        context.ledger.shards.move(shard, "SUBMITTED")
        context.ledger.batches.add(shard.row, shard.generation, _local(context, shard), "main")
    batch = context.ledger.batches.by_id(shard.shard_key)
    assert batch is not None
    return batch


def open_journal(context: StageContext, shard: Shard) -> Journal:
    """Open a group's journal, then write its batch record: a record without journal and answers
    means that they were lost. The mirror has both before anything leaves.

    Raises:
        NeedsPerson: another copy of the workspace is at work, as the mirror shows.
    """
    key = shard.shard_key
    journal = Journal(journal_path(context.workspace.raw, key))
    try:
        reached("online.before_card")
        write_batch_record(context, shard, shard.generation, _local(context, shard))
        requests = (custom_id(work, n) for _, work, n, *_ in context.ledger.shards.items(shard.row))
        path = batch_record_path(context.workspace, key, key)
        context.mirror.before_sending(key, path, requests)
    except BaseException:
        journal.close()
        raise
    return journal


def _local(context: StageContext, shard: Shard) -> RemoteBatch:
    """Group as a batch that no service knows."""
    now = context.clock.now()
    return RemoteBatch(shard.shard_key, "in_progress", "", None, None, now, total=shard.requests)


def settle_group(context: StageContext, row: int, collected: RunTotals) -> list[str]:
    """Close a group by its journal, whatever ended it: answers are booked, what never left goes
    back, and what left without an answer counts at its highest cost. One with background responses
    that are still to be read stays open. Gives the ids of responses that the service need not store
    any longer."""
    batch = next(b for b in context.ledger.batches.in_states("open", "downloaded") if b.row == row)
    shard = context.ledger.shards.get(batch.shard)
    journal = journal_path(context.workspace.raw, shard.shard_key)
    state = read_journal(journal)
    if state.awaited:
        collected.open += 1
        return []
    _put_damaged_aside(context, shard, batch, collected)
    if not _is_gone(context, shard.shard_key):
        _keep(context, shard, batch, collected)
        _take_out_unsent(context, shard, batch)
    context.mirror.put(raw_path(context, batch, "output"))  # what is booked is there too
    reached("online.before_settle")
    # a lost answer is booked and said, or neither
    with context.ledger.database.transaction("settle"):
        before = collected.answers["missing"]
        settle_batch(context, batch, collected)
        _say_lost(context, shard, batch, collected, collected.answers["missing"] - before)
    reached("online.settled")
    remove(journal)
    context.mirror.keep(at_once=False)
    return list(state.accepted.values()) if context.delete_remote else []


def _put_damaged_aside(
    context: StageContext, shard: Shard, batch: Batch, collected: RunTotals
) -> None:
    """Put damaged raw answers aside: the journal makes them again, or they count as lost."""
    path = raw_path(context, batch, "output")
    damage = damage_of(path) if path.exists() else None
    if damage is not None:
        text = f"{path} is damaged ({damage}) and put aside as {put_aside(path).name}"
        context.ledger.incident(context.clock.now(), "damaged", text, shard.row, batch.row)
        collected.note_problem(text)


def _say_lost(
    context: StageContext, shard: Shard, batch: Batch, collected: RunTotals, lost: int
) -> None:
    if lost:
        text = (
            f"{counted(lost, 'request')} of {shard.shard_key} got no answer: what was sent may "
            "have been billed, so it counts at its highest cost and is not sent again by itself "
            "('captionmill retry --outcome missing' does)"
        )
        context.ledger.incident(context.clock.now(), "no_answer", text, shard.row, batch.row)
        collected.note_problem(text)


def _is_gone(context: StageContext, key: str) -> bool:
    """Recognise a group that was sent, and settled by a ledger that is not this one, and whose
    answers were not answer_files (`keep_raw = false`)."""
    workspace = context.workspace
    answer_files = (journal_path(workspace.raw, key), workspace.answers(key, key, "output"))
    return batch_record_path(workspace, key, key).exists() and not any(
        path.exists() for path in answer_files
    )


def _keep(context: StageContext, shard: Shard, batch: Batch, collected: RunTotals) -> None:
    """Make raw answers of the journal; those that are there tell more than no journal."""
    journal = journal_path(context.workspace.raw, batch.batch_id)
    target = raw_path(context, batch, "output")
    if target.exists() or not journal.exists():
        return
    requests = {custom_id(key, n) for _, key, n, *_ in context.ledger.shards.items(shard.row)}
    with (
        whole_file(target) as handle,
        gzip.GzipFile(fileobj=handle, mode="wb", compresslevel=3, mtime=0) as packed,
    ):
        damaged = keep_answers(journal, packed, requests)  # type: ignore[arg-type]
    if damaged:
        text = (
            f"{journal}: {counted(damaged, 'line')} changed on disk, so each "
            "request of the group without an answer counts as sent; put aside as "
            f"{put_aside(journal).name}"
        )
        context.ledger.incident(context.clock.now(), "damaged", text, shard.row, batch.row)
        collected.note_problem(text)


def _take_out_unsent(context: StageContext, shard: Shard, batch: Batch) -> None:
    sent = set(answered_requests(context, shard.shard_key, batch.batch_id))
    names = {custom_id(one.work_key, one.attempt) for one in sent}
    unsent = [
        work
        for work, key, attempt, live, _ in context.ledger.shards.items(shard.row)
        if live and custom_id(key, attempt) not in names
    ]
    OnlineGroups(context.ledger.database).take_out(shard.row, unsent)


def close_left_open(context: StageContext) -> None:
    """At every start: take in groups that this ledger does not know, settle every group that an
    online run left open, and take apart those that hold no money. Asks nobody."""
    _recall(context)
    collected = RunTotals()
    for batch in context.ledger.batches.in_states("open", "downloaded"):
        if is_online(batch.batch_id) and batch.vanished_at is None:
            settle_group(context, batch.row, collected)
        elif is_online(batch.batch_id):  # a person ends it, and then its answers are booked
            _keep(context, context.ledger.shards.get(batch.shard), batch, collected)
    for text in collected.problems:
        context.say(text)
    for shard in context.ledger.shards.in_states("SEALED"):
        if is_online(shard.shard_key):
            context.ledger.shards.dissolve(shard)
    left_open = {batch.batch_id for batch in context.ledger.batches.in_states("open")}
    for path in context.workspace.raw.glob(f"{ONLINE}*.journal"):
        if path.stem not in left_open:
            remove(path)  # of groups that are settled, or of which nothing was sent


def _recall(context: StageContext) -> None:
    """Learn from batch records which groups were sent that the ledger, an older copy perhaps, does
    not know, so that none of them is paid for again."""
    known = context.ledger.batches.ids()
    batch_records = read_batch_records(
        context.workspace, lambda name: is_online(name) and name not in known
    )
    for batch_record in [
        batch_record for batch_record in batch_records if is_ours(context, batch_record)
    ]:
        with context.ledger.database.transaction("recall"):
            _adopt(context, batch_record)


def _adopt(context: StageContext, batch_record: RemoteBatch) -> None:
    """Group joins the ledger as it was when it was sent; settling it comes next."""
    ledger, lost, now = context.ledger, recovered_shard(batch_record), context.clock.moment()
    shard = ledger.shards.by_key(batch_record.id)
    if shard is None or shard.state == "DISSOLVED":
        row = ledger.adoption.adopt(lost, now)
    else:  # sealed, and sent after this copy was made
        row = ledger.shards.move(shard, "SUBMITTED").row
    ledger.reservations.record_unasked(row, lost.generation, lost.max_cost, context.scope())
    number = ledger.batches.add(row, lost.generation, batch_record, "main")
    sent, proven = _sent_requests(context, batch_record.id)
    ledger.adoption.add_lines(row, sent)
    text = (
        f"the online requests {batch_record.id} of this workspace were not in the ledger (an older "
        "copy was restored?): they are taken in"
    )
    ledger.incident(now.wall, "adopted", text, row, number)
    if not proven and sum(1 for _ in ledger.shards.items(row)) < ledger.shards.get(row).requests:
        ledger.batches.vanished(number, now.wall)  # what it held, nobody knows


def _sent_requests(context: StageContext, key: str) -> tuple[set[WorkAttempt], bool]:
    """Requests of a group that may have been sent, and whether nobody can have sent another one:
    where journal and answers are damaged or gone, those of its request file are among them."""
    journal_file = journal_path(context.workspace.raw, key)
    answers = context.workspace.answers(key, key, "output")
    journal = read_journal(journal_file)
    names = (parse_custom_id(name) for name in (*journal.sent, *journal.answers))
    sent = {name for name in names if name is not None}
    sent.update(answered_requests(context, key, key))
    proven = journal_file.exists() and journal.names_all
    proven = proven or (answers.exists() and damage_of(answers) is None)
    request_file = context.workspace.shard(key)
    if not proven and request_file.is_file():
        sent.update(requests_of(request_file))
        proven = True
    return sent, proven
