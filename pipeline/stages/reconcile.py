"""Reconciliation of the ledger with the service's list, at every start before anything is sent.

Whether a batch exists is decided by the service's list, and only by a complete one.
"""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.core.identity import ANSWER_FILE
from pipeline.core.lifecycle import (
    GENERATION,
    MOST_ABSENT,
    TWIN,
    Adopt,
    AskPerson,
    Hold,
    Intent,
    IntentVerdict,
    Recreate,
    foreign_requests,
    judge_intent,
    unrecorded_batches,
)
from pipeline.errors import NeedsPerson
from pipeline.ledger.shards import Shard
from pipeline.providers.base import AddressRefusal
from pipeline.records import RemoteBatch
from pipeline.stages.context import StageContext
from pipeline.stages.recover import (
    is_plausible,
    learn_contents,
    number_in,
    recovered_shard,
    requests_in,
    shard_key_of,
    twin_hint,
)
from pipeline.stages.twins import list_all, note_twins, our_calls
from pipeline.system.clock import Moment, elapsed
from pipeline.system.failpoints import reached


def reconcile(context: StageContext) -> int:
    """Settle every doubt that a complete listing can settle; gives the seconds until another
    listing can settle more, 0 when nothing is in doubt.

    Raises:
        ServiceError: a page of the list failed; then nothing is concluded and nothing may be
            submitted.
        NeedsPerson: an ambiguous create call waits for a person (`on_ambiguous = "ask"`), or
            another copy of the workspace is at work.
        AddressRefusal: create calls are refused again and again, and never come to anything.
    """
    everything = list_all(context)
    reached("reconcile.listed")
    twins = note_twins(context, everything)
    listed = [batch for batch in everything if batch not in twins]
    context.ledger.queue.note_foreign(foreign_requests(listed, _known(context)))
    wait, ask, in_vain = 0, [], []
    for shard in context.ledger.shards.in_states("CREATING"):
        decision = judge_intent(_intent(context, shard), listed, _known(context), context.patience)
        _act(context, shard, decision)
        if isinstance(decision, Hold):
            wait = max(wait, decision.seconds)
        if isinstance(decision, AskPerson):
            ask.append(shard.shard_key)
        if isinstance(decision, Recreate) and shard.problem and not shard.generation % MOST_ABSENT:
            in_vain.append(shard)
    _take_in(context, listed)
    _drop_overtaken(context)
    if ask:
        raise NeedsPerson(
            f"no batch is found for {', '.join(ask)}, whose create call got no answer: look at the "
            "service's dashboard, then run 'captionmill resolve create-again'"
        )
    if twins:
        raise NeedsPerson(context.ledger.get(TWIN) or "")
    if in_vain:
        raise AddressRefusal(
            f"{MOST_ABSENT} create calls of shard {in_vain[0].shard_key} came to nothing, as the "
            f"service's list shows: {in_vain[0].problem}. If a proxy or a firewall answered, let "
            "it pass POST to /v1/batches; then run again"
        )
    return wait


def _take_in(context: StageContext, listed: Iterable[RemoteBatch]) -> None:
    """Adopt the batches of this workspace that the ledger does not know."""
    for batch in unrecorded_batches(listed, context.ledger.workspace_id(), _known(context)):
        if is_plausible(batch):
            adopt_batch(context, batch)
        else:
            text = (
                f"batch {batch.id} carries this workspace's id, but was not made by it: it is set "
                "aside"
            )
            context.ledger.incident(context.clock.now(), "stranger", text)


def opaque_shards(context: StageContext) -> tuple[int, NeedsPerson | None]:
    """Number of adopted shards of unknown contents, which an image sent now may be in; and the
    error when waiting will not reveal them."""
    learn_contents(context)
    opaque = context.ledger.adoption.opaque_shards()
    vanished = [shard.shard_key for shard in opaque if shard.gone]
    if not vanished:
        return len(opaque), None
    return len(opaque), NeedsPerson(
        f"the batches of {', '.join(vanished)} were paid for, and neither here nor at the service "
        "is left what they held, so an image sent now may be paid for again: if that is fine, run "
        f"'captionmill resolve write-off'; {twin_hint(context)}"
    )


def _known(context: StageContext) -> frozenset[str]:
    return frozenset(context.ledger.batches.ids())


def _intent(context: StageContext, shard: Shard) -> Intent:
    now = context.clock.moment()
    since = Moment(shard.intent_at or now.wall, shard.intent_uptime or "")
    absent = shard.absent_since
    absence = None if absent is None else elapsed(Moment(absent, shard.absent_uptime or ""), now)
    return Intent(shard.shard_key, shard.file_id, elapsed(since, now), absence)


def _act(context: StageContext, shard: Shard, decision: IntentVerdict) -> None:
    shards = context.ledger.shards
    if isinstance(decision, Adopt):
        _adopt(context, shard, decision.batch)
        context.say(f"found batch {decision.batch.id}, whose create call got no answer")
        for extra in decision.extras:
            adopt_batch(context, extra, shard.shard_key)
    elif isinstance(decision, Hold) and decision.first:
        now = context.clock.moment()
        shards.move(
            shard,
            "CREATING",
            absent_since=now.wall,
            absent_uptime=now.uptime,
            absences=shard.absences + 1,
        )
    elif isinstance(decision, Recreate):
        next_generation(context, shard, not_before=shard.not_before)
        context.say(f"shard {shard.shard_key} certainly has no batch: it is created again")


def next_generation(context: StageContext, shard: Shard, *, not_before: int) -> None:
    """Free this create call's reservation; the same file goes again under a new one."""
    with context.ledger.database.transaction("next_generation"):
        context.ledger.reservations.release(shard.row, shard.generation, context.clock.now())
        context.ledger.shards.move(
            shard,
            "SEALED",
            generation=shard.generation + 1,
            not_before=not_before,
            intent_at=None,
            intent_uptime=None,
            absent_since=None,
            absent_uptime=None,
            absences=0,
        )


def _adopt(context: StageContext, shard: Shard, batch: RemoteBatch) -> None:
    """Adopt the batch of a create call that got no answer; its reservation is of its generation,
    which an older ledger may not have reached yet."""
    generation, moment = max(shard.generation, _generation(batch)), context.clock.moment()
    with context.ledger.database.transaction("adopt"):
        context.ledger.adoption.complete(shard.row, recovered_shard(batch))
        shard = context.ledger.shards.get(shard.row)
        if generation != shard.generation:
            context.ledger.reservations.release(shard.row, shard.generation, context.clock.now())
        context.ledger.reservations.record_unasked(
            shard.row, generation, shard.max_cost, context.scope()
        )
        _add(context, shard.row, generation, batch)
        context.ledger.shards.move(
            shard,
            "SUBMITTED",
            generation=generation,
            intent_at=shard.intent_at or moment.wall,
            intent_uptime=shard.intent_uptime or moment.uptime,
        )
    context.note("batch.adopted", batch=batch.id, shard=shard.shard_key)


def adopt_batch(context: StageContext, batch: RemoteBatch, shard_key: str = "") -> None:
    """Adopt a batch of ours that the ledger does not know; its reservation is recorded.

    `shard_key` is of its shard where that is known otherwise than by its metadata, which a
    service may have dropped.
    """
    shard = context.ledger.shards.by_key(shard_key or shard_key_of(batch))
    if shard is None or shard.state == "DISSOLVED":
        _adopt_unknown(context, batch)
    elif shard.state in ("SEALED", "UPLOADING", "UPLOADED", "CREATING"):
        _adopt(context, shard, batch)
    elif shard.state == "SUBMITTED" and _generation(batch) > shard.generation:
        _succeed(context, shard, batch)
    elif batch.id.startswith(ANSWER_FILE):
        _adopt_file(context, shard, batch)
    else:
        _adopt_second(context, shard, batch)


def _add(
    context: StageContext, shard: int, generation: int, batch: RemoteBatch, role: str = "main"
) -> int:
    """Add a batch of the service's list to a shard; gives its row."""
    ours = our_calls(context).explains(batch)
    return context.ledger.batches.add(shard, generation, batch, role, made_here=ours)


def _succeed(context: StageContext, shard: Shard, batch: RemoteBatch) -> None:
    """Later generation of a shard, made when the batch that this older ledger knows had failed
    or was proven absent: from here on it decides, and the earlier one is only booked."""
    with context.ledger.database.transaction("succeed"):
        generation = _generation(batch)
        context.ledger.reservations.record_unasked(
            shard.row, generation, shard.max_cost, context.scope()
        )
        _add(context, shard.row, generation, batch)
        context.ledger.shards.move(shard, "SUBMITTED", generation=generation)


def _adopt_second(context: StageContext, shard: Shard, batch: RemoteBatch) -> None:
    """Adopt a second batch of a shard as a stray: its cost counts, and `collect` cancels what it
    has not run."""
    with context.ledger.database.transaction("adopt_second"):
        row = _add(context, shard.row, _generation(batch), batch, "stray")
        context.ledger.reservations.record_unasked(shard.row, -row, shard.max_cost, context.scope())
        context.ledger.incident(
            context.clock.now(),
            "second_batch",
            f"shard {shard.shard_key} has a second batch {batch.id}: it is cancelled, its results "
            "are kept and its cost is booked",
            shard.row,
            row,
        )


def _adopt_file(context: StageContext, shard: Shard, batch: RemoteBatch) -> None:
    """Adopt a further file of answers to the requests of a shard, which came back in parts."""
    lines, ledger = requests_in(context, batch), context.ledger
    with ledger.database.transaction("adopt_file"):
        row = _add(context, shard.row, shard.generation, batch, "file")
        ledger.reservations.record_unasked(shard.row, -row, shard.max_cost, context.scope())
        ledger.adoption.add_lines(shard.row, lines or ())


def _adopt_unknown(context: StageContext, batch: RemoteBatch) -> None:
    """Adopt a batch of a shard that this ledger, an older copy, never planned: its requests are
    read before anything is sent, so that none is paid for again."""
    lines = requests_in(context, batch)
    shard = recovered_shard(batch)
    with context.ledger.database.transaction("adopt_unknown"):
        row = context.ledger.adoption.adopt(shard, context.clock.moment())
        context.ledger.reservations.record_unasked(
            row, shard.generation, shard.max_cost, context.scope()
        )
        number = _add(context, row, shard.generation, batch)
        context.ledger.adoption.add_lines(row, lines or ())
        context.ledger.incident(
            context.clock.now(),
            "adopted",
            f"batch {batch.id} of this workspace was not in the ledger (an older copy was "
            "restored?): it is adopted",
            row,
            number,
        )


def _drop_overtaken(context: StageContext) -> None:
    """Take shards apart that were not sent and whose images are at the service in others."""
    for shard in context.ledger.shards.in_states("SEALED", "UPLOADING", "UPLOADED"):
        if context.ledger.adoption.overtaken(shard):
            take_apart(context, shard)


def take_apart(context: StageContext, shard: Shard) -> None:
    """Take a shard apart that certainly has no batch: its money and its images are free."""
    with context.ledger.database.transaction("give_back"):
        context.ledger.reservations.release(shard.row, shard.generation, context.clock.now())
        context.ledger.shards.dissolve(shard)


def take_all_apart(context: StageContext) -> None:
    """Free the images of all shards that have no batch. A create call in doubt keeps its own."""
    for shard in context.ledger.shards.in_states("SEALED"):
        context.ledger.shards.dissolve(shard)
    for shard in context.ledger.shards.in_states("UPLOADING", "UPLOADED"):
        take_apart(context, shard)


def _generation(batch: RemoteBatch) -> int:
    return number_in(batch.metadata.get(GENERATION)) or 1
