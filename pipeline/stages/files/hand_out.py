"""Handing out of sealed shards as files, to be run anywhere.

The record comes first: from the moment a file can be seen outside, its requests are live and their
cost is reserved, so that no later run sends them too.
"""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct, field

from pipeline.errors import NeedsPerson
from pipeline.ledger.shards import Shard
from pipeline.stages.context import StageContext
from pipeline.system.failpoints import reached
from pipeline.system.files import checksum_of, move, remove, require_room, storage_error


class HandOut(Struct):
    """Files that were handed out, and the number of their requests."""

    files: list[Path] = field(default_factory=list)
    requests: int = 0


def hand_out(
    context: StageContext, spec: int, folder: Path, result: HandOut, just_sealed: int | None = None
) -> None:
    """Move every sealed shard of `spec` into `folder`. The file of the row `just_sealed` was
    written a moment ago by this process; every other one is read and checked first.

    Raises:
        NeedsPerson: submission is frozen, or another copy of the workspace is at work.
        OverBudget: a shard does not fit into the budget; it stays sealed.
        StorageError: `folder` cannot be written.
    """
    undecided = context.undecided()
    if undecided:
        raise NeedsPerson(undecided)
    _make(folder)
    for shard in context.ledger.shards.in_states("WRITTEN", "SEALED"):
        context.check_stop()
        path = context.workspace.shard(shard.shard_key)
        if shard.state == "WRITTEN":
            if path.exists():  # a kill came between the record and the end of the move
                context.say(
                    f"{path.name} is written again: should an earlier folder hold it too, run it "
                    "once only"
                )
                _publish(context, shard, folder, result)
        elif not _is_current(context, shard, spec, path, shard.row == just_sealed):
            context.ledger.shards.dissolve(shard)
        else:
            _publish(context, _record(context, shard, folder), folder, result)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(folder, error) from error


def _is_current(context: StageContext, shard: Shard, spec: int, path: Path, sound: bool) -> bool:
    if shard.spec != spec or context.ledger.adoption.overtaken(shard):
        return False
    return path.is_file() and (sound or checksum_of(path) == shard.checksum)


def _record(context: StageContext, shard: Shard, folder: Path) -> Shard:
    require_room(folder, shard.size)
    with context.ledger.database.transaction("hand_over"):
        context.ledger.reservations.reserve(
            shard.row, shard.generation, shard.max_cost, context.caps, context.scope()
        )
        return context.ledger.shards.move(shard, "WRITTEN")


def _publish(context: StageContext, shard: Shard, folder: Path, result: HandOut) -> None:
    source, target = context.workspace.shard(shard.shard_key), folder / f"{shard.shard_key}.jsonl"
    reached("handover.before_move")
    move(source, target)
    reached("handover.after_move")
    result.files.append(target)
    result.requests += shard.requests
    context.note(
        "shard.handed_over", shard=shard.shard_key, requests=shard.requests, file=target.name
    )


def take_back(context: StageContext) -> int:
    """Take back requests that were handed out and not answered: they are pending again. Gives their
    number; an answer that comes nevertheless is still taken."""
    count = context.ledger.handed_out.outstanding()
    for shard in context.ledger.shards.in_states("WRITTEN"):
        with context.ledger.database.transaction("give_back"):
            context.ledger.reservations.release(shard.row, shard.generation, context.clock.now())
            context.ledger.shards.dissolve(shard)
        remove(context.workspace.shard(shard.shard_key))
    return count
