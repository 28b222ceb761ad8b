"""Resolving of what the program does not decide by itself, as a person decides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pipeline.config import Config
from pipeline.core.words import counted
from pipeline.errors import CaptionmillError, ServiceError
from pipeline.ledger import Ledger
from pipeline.records import Say
from pipeline.session.session import open_session
from pipeline.session.settings import RunSettings
from pipeline.stages.collect import write_off
from pipeline.stages.context import FROZEN
from pipeline.stages.reconcile import next_generation, reconcile


def resolve(
    config: Config, decision: Literal["unfreeze", "create-again", "write-off", "seen"], say: Say
) -> list[str]:
    """Carry out what a person decided; gives what was done, as sentences.

    unfreeze: a line cost more than was reserved, the person has looked.
    create-again: the create calls without an answer had no effect, the person has looked.
    write-off: a batch that was paid for is gone at the service, its results are lost.
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
            for batch in ledger.batches.in_states("open"):
                if batch.vanished_at is not None:
                    write_off(context, batch)
                    done.append(
                        f"batch {batch.batch_id} is written off: its images count as missing, its "
                        "money as spent; 'captionmill retry missing' buys them again"
                    )
        if decision == "seen":
            count = ledger.acknowledge()
            done.append(f"{counted(count, 'incident')} put away")
    return done or ["there was nothing to resolve"]


def _reconcile_doubts(ledger: Ledger, reconcile: Callable[[], object]) -> None:
    """Reconcile once more before a person's decision counts: what is in the list was created."""
    if ledger.shards.in_states("CREATING"):
        try:
            reconcile()
        except ServiceError:
            raise
        except CaptionmillError:
            return  # "needs a person": the person has decided
