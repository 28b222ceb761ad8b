"""reconcile: what does the service have of ours? Asked at every start, before anything is sent.

The ledger is a memory, the service's list is the truth about batches. Only a complete list
allows a conclusion.
"""

from __future__ import annotations

import re

from pipeline.clock import Moment, elapsed
from pipeline.core.identity import parse_custom_id
from pipeline.core.lifecycle import (
    GENERATION,
    SHARD,
    Adopt,
    AskPerson,
    Hold,
    Intent,
    Reconciled,
    Recreate,
    foreign_requests,
)
from pipeline.core.lifecycle import reconcile as decide
from pipeline.core.lifecycle import strays as find_strays
from pipeline.errors import NeedsPerson, NotFound
from pipeline.failpoints import reached
from pipeline.ledger.shards import Shard
from pipeline.records import RemoteBatch
from pipeline.stages.desk import ON_HOLD, Desk

_CUSTOM_ID = re.compile(rb'"custom_id"\s*:\s*"([A-Za-z0-9_-]{1,64})"')


def reconcile(desk: Desk) -> int:
    """Settle every doubt that a complete listing can settle; gives the seconds until another
    look can tell more, 0 when nothing is in doubt.

    Raises:
        ServiceError: a page of the list failed; then nothing is concluded and nothing may be
            submitted.
        NeedsPerson: an ambiguous create call waits for a person (`on_ambiguous = "ask"`).
    """
    listed = list(desk.service.list_batches())
    reached("reconcile.listed")
    desk.ledger.queue.note_others(foreign_requests(listed, _known(desk)))
    wait, ask = 0, []
    for shard in desk.ledger.shards.in_states("CREATING"):
        decision = decide(_intent(desk, shard), listed, _known(desk), desk.patience)
        _act(desk, shard, decision)
        if isinstance(decision, Hold):
            wait = max(wait, decision.seconds)
        if isinstance(decision, AskPerson):
            ask.append(shard.shard_key)
    for batch in find_strays(listed, desk.ledger.workspace_id(), _known(desk)):
        _adopt_stray(desk, batch)
    if ask:
        raise NeedsPerson(
            f"no batch is found for {', '.join(ask)}, whose create call got no answer: look at the "
            "service's dashboard, then run 'captionmill resolve create-again'"
        )
    return wait


def _known(desk: Desk) -> frozenset[str]:
    return frozenset(desk.ledger.batches.ids())


def _intent(desk: Desk, shard: Shard) -> Intent:
    now = desk.clock.moment()
    since = Moment(shard.intent_at or now.wall, shard.intent_uptime or "")
    absence = None if shard.absent_since is None else max(0, now.wall - shard.absent_since)
    return Intent(shard.shard_key, shard.file_id, elapsed(since, now), absence)


def _act(desk: Desk, shard: Shard, decision: Reconciled) -> None:
    shards = desk.ledger.shards
    if isinstance(decision, Adopt):
        _adopt(desk, shard, decision.batch)
        desk.say(f"found batch {decision.batch.id}, whose create call got no answer")
        for extra in decision.extras:
            _adopt_stray(desk, extra)
    elif isinstance(decision, Hold) and decision.first:
        shards.move(shard, "CREATING", absent_since=desk.clock.now(), absences=shard.absences + 1)
    elif isinstance(decision, Recreate):
        next_generation(desk, shard, not_before=0)
        desk.say(f"shard {shard.shard_key} certainly has no batch: it is created again")


def next_generation(desk: Desk, shard: Shard, *, not_before: int) -> None:
    """Free this create call's reservation; the same file goes again under a new one."""
    with desk.ledger.database.transaction("next_generation"):
        desk.ledger.books.release(shard.row, shard.generation, desk.clock.now())
        desk.ledger.shards.move(
            shard,
            "SEALED",
            generation=shard.generation + 1,
            not_before=not_before,
            intent_at=None,
            intent_uptime=None,
            absent_since=None,
            absences=0,
        )


def _adopt(desk: Desk, shard: Shard, batch: RemoteBatch) -> None:
    """The shard's own batch: its money is booked under this generation."""
    with desk.ledger.database.transaction("adopt"):
        desk.ledger.books.record_unasked(shard.row, shard.generation, shard.worst, desk.scope())
        desk.ledger.batches.add(shard.row, shard.generation, batch, "main")
        desk.ledger.shards.move(shard, "SUBMITTED")


def _adopt_stray(desk: Desk, batch: RemoteBatch) -> None:
    """A batch of ours that the ledger does not know: book it, and use it."""
    shard = desk.ledger.shards.by_key(batch.metadata.get(SHARD, ""))
    if shard is None:
        _adopt_unknown(desk, batch)
    elif shard.state in ("SEALED", "UPLOADING", "UPLOADED", "CREATING"):
        _adopt(desk, shard, batch)
    else:
        _adopt_second(desk, shard, batch)


def _adopt_second(desk: Desk, shard: Shard, batch: RemoteBatch) -> None:
    """A second batch of a shard: what it costs is booked, what it has not run is cancelled."""
    with desk.ledger.database.transaction("adopt_second"):
        generation = int(_number(batch.metadata.get(GENERATION)) or shard.generation)
        row = desk.ledger.batches.add(shard.row, generation, batch, "stray")
        desk.ledger.books.record_unasked(shard.row, -row, shard.worst, desk.scope())
        desk.ledger.incident(
            desk.clock.now(),
            "second_batch",
            f"shard {shard.shard_key} has a second batch {batch.id}: it is cancelled, its results "
            "are kept and its cost is booked",
            shard.row,
            row,
        )
    if not batch.terminal:
        desk.service.cancel(batch.id)


def _adopt_unknown(desk: Desk, batch: RemoteBatch) -> None:
    """A restored older ledger meets its own future: learn what the batch holds before anything
    is sent, so that none of it is paid for again."""
    try:
        attempts = _contents(desk, batch)
    except NotFound:
        attempts = None
    meta = batch.metadata
    worst = _number(meta.get("captionmill_worst_nano"))
    requests = _number(meta.get("captionmill_requests")) or batch.total or 0
    with desk.ledger.database.transaction("adopt_unknown"):
        key = meta.get(SHARD) or f"unknown-{batch.id}"
        model = meta.get("captionmill_model") or batch.model or ""
        row = desk.ledger.shards.adopt_unknown(
            key, model, requests, worst, meta.get("captionmill_prices") or None, desk.clock.now()
        )
        desk.ledger.books.record_unasked(row, 1, worst, desk.scope())
        number = desk.ledger.batches.add(row, 1, batch, "main")
        if attempts is None and not batch.terminal:
            desk.ledger.put(
                ON_HOLD,
                f"batch {batch.id} is ours but its input file is gone: nothing is sent before its "
                "results are here",
            )
        for work_key, attempt in attempts or ():
            desk.ledger.shards.adopt_item(row, work_key, attempt)
        desk.ledger.incident(
            desk.clock.now(),
            "adopted",
            f"batch {batch.id} of this workspace was not in the ledger (an older copy was "
            "restored?): it is adopted",
            row,
            number,
        )


def _contents(desk: Desk, batch: RemoteBatch) -> list[tuple[bytes, int]]:
    """(work_key, attempt) of every line of a batch, from its input file at the service."""
    path = desk.workspace.shards / f"_adopt-{batch.id}.tmp"
    try:
        desk.service.download(batch.input_file_id, path)
        found = []
        with path.open("rb") as lines:
            for line in lines:
                match = _CUSTOM_ID.search(line)
                parsed = parse_custom_id(match.group(1).decode("ascii")) if match else None
                if parsed:
                    found.append((parsed.work_key, parsed.attempt))
        return found
    finally:
        path.unlink(missing_ok=True)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() else None
