"""Submission of sealed shards, one create call each.

Order matters: the reservation is durable before the upload, the intent before the create call,
and the create call is made once. A lost answer leaves the shard CREATING for `reconcile`.
"""

from __future__ import annotations

from pipeline.core.batch_errors import classify
from pipeline.core.lifecycle import backoff_seconds, may_be_refusal
from pipeline.core.packing import fits_queue
from pipeline.core.pauses import shown_span, too_long
from pipeline.errors import (
    Ambiguous,
    DefiniteRefusal,
    NeedsPerson,
    OverBudget,
    PauseTooLong,
    ServiceError,
)
from pipeline.ledger.batch_metadata import metadata_of
from pipeline.ledger.shards import Shard
from pipeline.stages.context import StageContext
from pipeline.stages.reconcile import opaque_shards, reconcile, take_apart
from pipeline.stages.twins import list_newer, our_calls
from pipeline.stages.values import RunTotals
from pipeline.system.clock import shown_time
from pipeline.system.failpoints import reached
from pipeline.system.files import checksum_of, require_room

TO_SEND = ("UPLOADED", "UPLOADING", "SEALED")
"""States of shards without a batch."""

_PAUSE = "service_pause"  # key in the ledger's meta: until when, and the service's words
_SAID_PAUSE = 10  # seconds
_LONGEST_STEP = 300  # seconds of a pause that grows by itself
_ANSWER_ROOM = 8_192  # bytes an answer line may need, generously


def submit_shards(context: StageContext, spec: int, totals: RunTotals | None = None) -> RunTotals:
    """Take every shard of `spec` as far as it goes now; stops at the first that must wait.

    Never raises for what a later run can mend: see `RunTotals.error`.
    """
    totals = totals or RunTotals()
    undecided = context.undecided()
    if undecided:
        totals.hold("frozen", NeedsPerson(undecided))
        return totals
    if not _all_contents_known(context, totals):
        return totals
    for shard in context.ledger.shards.in_states(*TO_SEND):
        context.check_stop()
        if shard.spec != spec:
            _drop_other(context, shard)
            continue
        try:
            if not _advance(context, shard, totals):
                break
        except OverBudget as error:
            totals.hold("budget", error)
            break
        except ServiceError as error:
            totals.hold("service", error)
            break
        except NeedsPerson as error:
            totals.hold("person", error)
            break
    return totals


def _all_contents_known(context: StageContext, totals: RunTotals) -> bool:
    """Tell whether no adopted batch has unknown contents: an image sent now might be in one."""
    opaque, error = opaque_shards(context)
    if error is not None:
        totals.hold("adopted", error)
    elif opaque:
        totals.waiting["adopted"] += opaque
    return not opaque


def _drop_other(context: StageContext, shard: Shard) -> None:
    """Take a shard of another prompt apart, of which no batch was created: its reservation and its
    images are free for this run."""
    take_apart(context, shard)


def _advance(context: StageContext, shard: Shard, totals: RunTotals) -> bool:
    """Bring one shard from its state to SUBMITTED; False when it has to wait."""
    waits = _must_wait(context, shard)
    if waits:
        totals.waiting[waits] += 1
        return False
    if shard.refusals:
        # an answer that says no is not proof against a server that did it all the same
        reconcile(context)
        shard = context.ledger.shards.get(shard.row)
        if shard.state not in TO_SEND:
            return True
    if context.ledger.adoption.overtaken(shard):
        take_apart(context, shard)
        return True
    fresh = shard.state == "SEALED"
    if fresh:
        shard = _reserve(context, shard)
    if shard.state == "UPLOADING":
        if not _file_is_intact(context, shard):
            take_apart(context, shard)  # its file is gone or damaged: it is made again
            return True
        shard = _upload(context, shard, search_first=not fresh or shard.generation > 1)
    if not _is_alone(context):
        totals.waiting["adopted"] += 1
        return False
    if not _create(context, shard):
        totals.waiting["unknown"] += 1
        return False
    totals.batches += 1
    totals.requests += shard.requests
    return True


def _is_alone(context: StageContext) -> bool:
    """Look for batches that another copy of this workspace has made; False when an older one came
    to light, which was adopted: then it is decided anew what is to be sent.

    Raises:
        NeedsPerson: another copy is at work.
        ServiceError: the service did not list its batches.
    """
    ours = our_calls(context)
    if all(ours.explains(batch) for batch in list_newer(context)):
        return True
    known = ours.known
    reconcile(context)
    return known == our_calls(context).known


def _must_wait(context: StageContext, shard: Shard) -> str | None:
    now = context.clock.now()
    _check_pause(context, now)
    if now < shard.not_before:
        return "backoff"
    queued = context.ledger.queue.ours(shard.model)
    queued += context.ledger.queue.foreign(shard.model)
    if not fits_queue(queued, shard.prompt_tokens, queue_room(context, shard.model)):
        return "queue"
    if context.ledger.shards.created_since(now - 3600) >= context.creates_per_hour:
        return "creates"
    return None


def _check_pause(context: StageContext, now: int) -> None:
    """Raise PauseTooLong while the service does not want to be asked for so long."""
    until, _, words = (context.ledger.get(_PAUSE) or "").partition(" ")
    seconds = int(until or 0) - now
    if seconds > context.patience.longest_pause:
        text = too_long(words, seconds, shown_time(now + seconds), "[batch] longest_pause")
        raise PauseTooLong(text, retry_after=seconds)


def queue_room(context: StageContext, model: str) -> int | None:
    """Limit of prompt tokens in unfinished batches of a model, None without one: three quarters of
    what the service named in a refusal, else of what is configured, else of the catalogue's guess.
    The quarter is for tokens that are counted otherwise there."""
    limit = context.ledger.queue.limit(model) or context.queue_limit or context.queue_guess(model)
    return None if limit is None else limit * 3 // 4


def _reserve(context: StageContext, shard: Shard) -> Shard:
    require_room(context.workspace.root, shard.size // 10 + shard.requests * _ANSWER_ROOM)
    with context.ledger.database.transaction("reserve"):
        context.ledger.reservations.reserve(
            shard.row, shard.generation, shard.max_cost, context.caps, context.scope()
        )
        return context.ledger.shards.move(shard, "UPLOADING")


def _file_is_intact(context: StageContext, shard: Shard) -> bool:
    path = context.workspace.shard(shard.shard_key)
    return path.is_file() and (shard.checksum is None or checksum_of(path) == shard.checksum)


def _upload(context: StageContext, shard: Shard, *, search_first: bool) -> Shard:
    name = context.filename(shard.shard_key)
    uploads = [
        remote
        for remote in (context.service.find_uploads(name) if search_first else ())
        if remote.bytes in (shard.size, None)
    ]
    reached("submit.before_upload")
    try:
        path = context.workspace.shard(shard.shard_key)
        remote = uploads[0] if uploads else context.service.upload(path, name)
    except DefiniteRefusal as error:
        _refused(context, shard, error)
        raise
    reached("submit.after_upload")
    return context.ledger.shards.move(shard, "UPLOADED", file_id=remote.id)


def _create(context: StageContext, shard: Shard) -> bool:
    """Make the one call that costs money; True when the batch is known to exist."""
    moment = context.clock.moment()
    shard = context.ledger.shards.move(
        shard,
        "CREATING",
        intent_at=moment.wall,
        intent_uptime=moment.uptime,
        absent_since=None,
        absences=0,
    )
    reached("submit.before_create")
    try:
        remote = context.service.create(
            input_file_id=shard.file_id or "",
            metadata=metadata_of(
                context.ledger.workspace_id(), shard,
                context.ledger.specs.schema_fields(shard.spec),
                context.ledger.nonce_of(context.run),
            ),
        )  # fmt: skip
    except Ambiguous as error:
        _note_doubt(context, shard, error)
        return False
    except (DefiniteRefusal, NeedsPerson) as error:
        _refused(context, shard, error)
        raise
    reached("submit.after_create")
    with context.ledger.database.transaction("submitted"):
        context.ledger.batches.add(shard.row, shard.generation, remote, "main")
        context.ledger.shards.move(shard, "SUBMITTED")
    context.note("batch.created", batch=remote.id, shard=shard.shard_key, requests=shard.requests,
              prompt_tokens=shard.prompt_tokens, worst_nano_usd=shard.max_cost)  # fmt: skip
    return True


def _note_doubt(context: StageContext, shard: Shard, error: Ambiguous) -> None:
    """Keep what was answered to a create call, and the pause it asks for, until the list tells."""
    context.say(f"no sure answer to a create call ({error}): the service's list will tell")
    now, seconds = context.clock.now(), int(error.retry_after or 0)
    problem = str(error)[:500] if may_be_refusal(error.status) else ""
    context.ledger.shards.move(shard, "CREATING", not_before=now + seconds, problem=problem)
    _note_pause(context, str(error), now, seconds)


def _refused(context: StageContext, shard: Shard, error: DefiniteRefusal | NeedsPerson) -> None:
    """Record a definite refusal: no batch exists, file and reservation stay for another try."""
    context.note("batch.refused", level="warning", shard=shard.shard_key, text=str(error))
    code = getattr(error, "code", None) or ""
    failure = classify(code, str(error))
    now, refusals = context.clock.now(), shard.refusals + 1
    wait = getattr(error, "retry_after", None)
    if failure.kind == "file_not_found_yet":
        state, seconds = ("UPLOADING" if refusals % 4 == 0 else "UPLOADED"), 5
    elif failure.kind == "queue_full":
        state, seconds = "UPLOADED", backoff_seconds(refusals, context.patience.backoff)
        if failure.limit:
            context.ledger.queue.learn_limit(shard.model, failure.limit)
    else:
        state, seconds = "UPLOADED", int(wait) + 1 if wait else 0
        asks_to_wait = not isinstance(error, NeedsPerson)
        if (
            asks_to_wait and getattr(error, "status", None) == 429
        ):  # too short a wish must not make us knock on
            seconds = max(seconds, min(2**refusals, _LONGEST_STEP))
        _note_pause(context, str(error), now, seconds)
    if shard.state == "UPLOADING":
        state = shard.state
    context.ledger.shards.move(
        shard, state, not_before=now + seconds, refusals=refusals, problem=str(error)[:500]
    )


def _note_pause(context: StageContext, words: str, now: int, seconds: int) -> None:
    """Say a pause that people would notice, and remember one that is too long to wait."""
    if seconds > context.patience.longest_pause:
        context.ledger.put(_PAUSE, f"{now + seconds} {words}")
    elif seconds >= _SAID_PAUSE:
        context.say(
            f"{words.rstrip('.')}: waiting {shown_span(seconds)}, until {shown_time(now + seconds)}"
        )
