"""Resolving of what the program does not decide by itself, as a person decides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pipeline.config import Config
from pipeline.core.lifecycle import FROZEN, TWIN
from pipeline.core.words import counted
from pipeline.errors import CaptionmillError, ServiceError
from pipeline.ledger import Ledger
from pipeline.ledger.batches import Batch
from pipeline.records import Say
from pipeline.review.cache import clear_cache
from pipeline.session.session import Session, open_session
from pipeline.session.settings import RunSettings
from pipeline.stages.collect import collect_batches
from pipeline.stages.context import StageContext
from pipeline.stages.inspection import is_left_open
from pipeline.stages.reconcile import next_generation, reconcile
from pipeline.stages.settle import write_off
from pipeline.stages.table_facts import STALE

_GOES_ON = (
    "this copy goes on: its next run takes in what the other one has sent, and sends the rest. "
    "What the other one has fetched already is in its folder raw: copy those files into {raw} "
    "before the next run. Do not use the other copy any more"
)


def resolve(
    config: Config,
    decision: Literal[
        "unfreeze", "create-again", "write-off", "twin", "new-identity", "review", "seen"
    ],
    say: Say,
) -> list[str]:
    """Carry out what a person decided; gives what was done, as sentences.

    unfreeze: a line cost more than was reserved, the person has looked.
    create-again: the create calls without an answer had no effect, the person has looked.
    write-off: the service will give no more of batches that are open to a person.
    twin: this copy of the workspace goes on alone.
    new-identity: this copy becomes a workspace of its own.
    review: decisions in the record of edits that changed since they were written hold as they are.
    seen: the incidents are known.
    """
    done: list[str] = []
    with open_session(RunSettings.of(config), f"resolve {decision}", say, existing=True) as session:
        context, ledger = session.context, session.ledger
        if decision == "unfreeze" and ledger.get(FROZEN):
            ledger.put(FROZEN, None)
            done.append("submission is possible again")
        if decision == "create-again":
            _reconcile_doubts(context.ledger, lambda: reconcile(context))
            for shard in ledger.shards.in_states("CREATING"):
                next_generation(context, shard, not_before=0)
                done.append(f"shard {shard.shard_key} is created again by the next run")
        if decision == "write-off":
            done += _write_off(context)
        if decision == "twin" and ledger.get(TWIN):
            ledger.put(TWIN, None)
            done.append(_GOES_ON.format(raw=session.workspace.raw))
        if decision == "new-identity":
            done.append(_become_new(session))
        if decision == "review":
            done += _take_changed_decisions(session)
        if decision == "seen":
            count = ledger.acknowledge()
            done.append(f"{counted(count, 'incident')} put away")
    return done or ["there was nothing to resolve"]


def _write_off(context: StageContext) -> list[str]:
    """Write off what a last look at the service leaves open; gives what that means, as sentences.

    Raises:
        CaptionmillError: the look did not come to its end, so nothing is written off.
    """
    totals = collect_batches(context)  # what is there by now is not lost
    if totals.blocking is not None:
        raise totals.blocking
    left = [b for b in context.ledger.batches.in_states("open") if is_left_open(context, b)]
    return [_written_off(context, batch) for batch in left]


def _written_off(context: StageContext, batch: Batch) -> str:
    """Write a batch off; gives what that means, as a sentence."""
    shard = context.ledger.shards.get(batch.shard)
    unknown = shard.requests - sum(1 for _ in context.ledger.shards.items(shard.row))
    write_off(context, batch)
    lost = context.ledger.answers.count_missing(batch.row)
    if unknown > 0:
        return (
            f"batch {batch.batch_id} is written off: what was reserved for it counts as spent. "
            f"Nobody knows the images of {counted(unknown, 'request')} of it: the next run may "
            "send them again"
        )
    if not lost:
        return f"batch {batch.batch_id} is ended: each of its requests has an answer"
    return (
        f"batch {batch.batch_id} is written off: {counted(lost, 'request')} without an answer "
        "count as missing, and what was reserved for them as spent. The next run sends none of "
        "them; 'captionmill retry --outcome missing' lets it buy them again"
    )


def _take_changed_decisions(session: Session) -> list[str]:
    """Take what changed in the record of edits as it is now; gives what that means, in words."""
    accepted = session.edits.accept_damage()
    if not accepted:
        return []
    session.ledger.put(STALE, "1")
    session.ledger.changed_rows.forget()  # no later step says which pictures they are about
    clear_cache(session.workspace.review)
    return [
        f"{counted(accepted, 'entry', 'entries')} of {session.workspace.reviews} taken as they are "
        "now: look at them in 'captionmill review'"
    ]


def _become_new(session: Session) -> str:
    """Give the workspace an id of its own; what it knows stays known."""
    ledger, workspace = session.ledger, session.workspace
    former = ledger.workspace_id()
    ledger.identify()
    ledger.put(TWIN, None)
    workspace.remember_id(ledger.workspace_id(), ledger.former_ids())
    return (
        f"this copy is a workspace of its own, {ledger.workspace_id()}: what it has bought is not "
        f"bought again, and what the other copy, {former}, buys from now on it does not know"
    )


def _reconcile_doubts(ledger: Ledger, reconcile: Callable[[], object]) -> None:
    """Reconcile once more before a person's decision counts: what is in the list was created."""
    if ledger.shards.in_states("CREATING"):
        try:
            reconcile()
        except ServiceError:
            raise
        except CaptionmillError:
            return  # "needs a person": the person has decided
