"""submit: take sealed shards to the service, one create call each.

Order matters: the reservation is durable before the upload, the intent before the create call,
and the create call is made once. A lost answer leaves the shard CREATING for `reconcile`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from pipeline.core.admission import admits
from pipeline.core.batch_errors import classify
from pipeline.core.lifecycle import backoff_seconds
from pipeline.errors import (
    Ambiguous,
    CaptionmillError,
    DefiniteRefusal,
    NeedsPerson,
    OverBudget,
    ServiceError,
)
from pipeline.ledger.shards import Shard, metadata_of
from pipeline.stages.context import FROZEN, Desk
from pipeline.stages.reconcile import give_back, reconcile, unseen
from pipeline.system.failpoints import reached
from pipeline.system.files import checksum_of, require_room

_TO_SEND = ("UPLOADED", "UPLOADING", "SEALED")
_ANSWER_ROOM = 8_192  # bytes an answer line may need, generously


@dataclass(slots=True)
class Submitted:
    """What submitting came to.

    Attributes:
        batches, requests: created now.
        waiting: shards that wait, by reason ("queue", "backoff", "budget", "creates", "unknown").
        problems: sentences for the user.
        error: the error that decides the exit code, None when there is none.
    """

    batches: int = 0
    requests: int = 0
    waiting: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    error: CaptionmillError | None = None

    def stop(self, reason: str, error: CaptionmillError) -> None:
        """Note why a shard did not go out."""
        self.waiting[reason] += 1
        self.problems.append(str(error))
        self.error = error


def submit(desk: Desk, spec: int, result: Submitted | None = None) -> Submitted:
    """Take every shard of `spec` as far as it goes now; stops at the first that must wait.

    Never raises for what a later run can mend: see `Submitted.error`.
    """
    result = result or Submitted()
    frozen = desk.ledger.get(FROZEN)
    if frozen:
        result.stop("frozen", NeedsPerson(frozen))
        return result
    if not _nothing_is_blind(desk, result):
        return result
    for shard in desk.ledger.shards.in_states(*_TO_SEND):
        desk.check_stop()
        if shard.spec != spec:
            _leave_other(desk, shard)
            continue
        try:
            if not _advance(desk, shard, result):
                break
        except OverBudget as error:
            result.stop("budget", error)
            break
        except ServiceError as error:
            result.stop("service", error)
            break
        except NeedsPerson as error:
            result.stop("person", error)
            break
    return result


def _nothing_is_blind(desk: Desk, result: Submitted) -> bool:
    """Nothing is sent while some image may be in a batch of unknown contents."""
    blind, error = unseen(desk)
    if error is not None:
        result.stop("adopted", error)
    elif blind:
        result.waiting["adopted"] += blind
    return not blind


def _leave_other(desk: Desk, shard: Shard) -> None:
    """A shard of another prompt or data set: never sent by this run. No batch of it was created,
    so it is taken apart: its money and its images are free for what is wanted now."""
    give_back(desk, shard)


def _advance(desk: Desk, shard: Shard, result: Submitted) -> bool:
    """One shard from where it is to SUBMITTED; False when it has to wait."""
    waits = _must_wait(desk, shard)
    if waits:
        result.waiting[waits] += 1
        return False
    if shard.refusals:
        # an answer that says no is not proof against a server that did it all the same
        reconcile(desk)
        shard = desk.ledger.shards.get(shard.row)
        if shard.state not in _TO_SEND:
            return True
    if desk.ledger.adoption.overtaken(shard):
        give_back(desk, shard)
        return True
    fresh = shard.state == "SEALED"
    if fresh:
        shard = _reserve(desk, shard)
    if shard.state == "UPLOADING":
        if not _file_is_whole(desk, shard):
            give_back(desk, shard)  # its file is gone or damaged: it is made again
            return True
        shard = _upload(desk, shard, look_first=not fresh or shard.generation > 1)
    if not _create(desk, shard):
        result.waiting["unknown"] += 1
        return False
    result.batches += 1
    result.requests += shard.requests
    return True


def _must_wait(desk: Desk, shard: Shard) -> str | None:
    now = desk.clock.now()
    if now < shard.not_before:
        return "backoff"
    queued = desk.ledger.queue.ours(shard.model)
    queued += desk.ledger.queue.others(shard.model)
    if not admits(queued, shard.prompt_tokens, queue_room(desk, shard.model)):
        return "queue"
    if desk.ledger.shards.created_since(now - 3600) >= desk.creates_per_hour:
        return "creates"
    return None


def queue_room(desk: Desk, model: str) -> int | None:
    """Prompt tokens that unfinished batches of a model may hold: three quarters of what the
    service named in a refusal, else of what is configured, else of the catalogue's guess. The
    quarter is for tokens that are counted otherwise there."""
    limit = desk.ledger.queue.limit(model) or desk.queue_limit or desk.queue_guess(model)
    return None if limit is None else limit * 3 // 4


def _reserve(desk: Desk, shard: Shard) -> Shard:
    require_room(desk.workspace.root, shard.size // 10 + shard.requests * _ANSWER_ROOM)
    with desk.ledger.database.transaction("reserve"):
        desk.ledger.books.reserve(shard.row, shard.generation, shard.worst, desk.caps, desk.scope())
        return desk.ledger.shards.move(shard, "UPLOADING")


def _file_is_whole(desk: Desk, shard: Shard) -> bool:
    path = desk.workspace.shard(shard.shard_key)
    return path.is_file() and (shard.checksum is None or checksum_of(path) == shard.checksum)


def _upload(desk: Desk, shard: Shard, *, look_first: bool) -> Shard:
    name = desk.filename(shard.shard_key)
    found = [
        remote
        for remote in (desk.service.find_uploads(name) if look_first else ())
        if remote.bytes in (shard.size, None)
    ]
    reached("submit.before_upload")
    remote = found[0] if found else desk.service.upload(desk.workspace.shard(shard.shard_key), name)
    reached("submit.after_upload")
    return desk.ledger.shards.move(shard, "UPLOADED", file_id=remote.id)


def _create(desk: Desk, shard: Shard) -> bool:
    """The one call that costs money. True when the batch is known to exist."""
    moment = desk.clock.moment()
    shard = desk.ledger.shards.move(
        shard,
        "CREATING",
        intent_at=moment.wall,
        intent_uptime=moment.uptime,
        absent_since=None,
        absences=0,
    )
    reached("submit.before_create")
    try:
        remote = desk.service.create(
            input_file_id=shard.file_id or "",
            metadata=metadata_of(
                desk.ledger.workspace_id(), shard, desk.ledger.specs.schema_fields(shard.spec)
            ),
        )
    except Ambiguous as error:
        desk.say(f"no answer to a create call ({error}): the service's list will tell")
        return False
    except (DefiniteRefusal, NeedsPerson) as error:
        _refused(desk, shard, error)
        raise
    reached("submit.after_create")
    with desk.ledger.database.transaction("submitted"):
        desk.ledger.batches.add(shard.row, shard.generation, remote, "main")
        desk.ledger.shards.move(shard, "SUBMITTED")
    desk.note("batch.created", batch=remote.id, shard=shard.shard_key, requests=shard.requests,
              prompt_tokens=shard.prompt_tokens, worst_nano_usd=shard.worst)  # fmt: skip
    return True


def _refused(desk: Desk, shard: Shard, error: DefiniteRefusal | NeedsPerson) -> None:
    """A definite no: no batch exists, the file and the reservation stay for another try."""
    desk.note("batch.refused", level="warning", shard=shard.shard_key, text=str(error))
    code = getattr(error, "code", None) or ""
    failure = classify(code, str(error))
    now, refusals = desk.clock.now(), shard.refusals + 1
    wait = getattr(error, "retry_after", None)
    if failure.kind == "file_not_found_yet":
        state, seconds = ("UPLOADING" if refusals % 4 == 0 else "UPLOADED"), 5
    elif failure.kind == "queue_full":
        state, seconds = "UPLOADED", backoff_seconds(refusals, desk.patience.backoff)
        if failure.limit:
            desk.ledger.queue.learn_limit(shard.model, failure.limit)
    else:
        state, seconds = "UPLOADED", int(wait) + 1 if wait else 0
    desk.ledger.shards.move(
        shard, state, not_before=now + seconds, refusals=refusals, problem=str(error)[:500]
    )
