"""Batch life cycle as pure decisions about listings and times.

    SEALED -> UPLOADING -> UPLOADED -> CREATING -> SUBMITTED -> DOWNLOADED -> SETTLED
                              ^           |
                              |           +-- in the list          -> Adopt
                              +-----------+-- proven absent        -> Recreate (next generation)
                                          +-- not proven           -> Hold

The create call is the only one that costs money. Its intent is durable before it is made, it is
made once, and when its answer is lost only the service's own list says what happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec import Struct

from pipeline.records import TERMINAL_STATUSES, RemoteBatch

WORKSPACE = "captionmill_workspace"
SHARD = "captionmill_shard"
GENERATION = "captionmill_generation"
RUN = "captionmill_run"

# keys in the ledger's meta: sentences for a person, until whose decision nothing is sent
FROZEN = "frozen"
TWIN = "twin"


class Patience(Struct, frozen=True):
    """Times to wait before a conclusion.

    Attributes:
        grace: seconds since the intent before an absence can count at all.
        listings_apart: seconds between the two listings that prove an absence.
        on_ambiguous: "wait" creates again after the proof, "ask" never without a person.
        stuck: seconds past `expires_at` before an unfinished batch is cancelled.
        backoff: minutes to wait after the first, second, ... refusal for a full queue.
        longest_pause: seconds; a service that asks for more is not waited for.
    """

    grace: int = 120
    listings_apart: int = 60
    on_ambiguous: Literal["wait", "ask"] = "wait"
    stuck: int = 6 * 3600
    backoff: tuple[int, ...] = (5, 10, 20, 40, 80)
    longest_pause: int = 900


MOST_ABSENT = 3
"""Create calls of a shard, each refused and proven to have come to nothing, after which a person
should look at what refuses them."""

_MAY_HAVE_RUN = frozenset({408, 409, 425, 499})


def may_be_refusal(status: int | None) -> bool:
    """Recognise an HTTP status of refusal. Without the service's own words it proves nothing: it
    may be a proxy's, which gave up on a request that the service carried out."""
    return status is not None and 300 <= status < 500 and status not in _MAY_HAVE_RUN


class Adopt(Struct, frozen=True):
    """Verdict that the create call took effect: `batch` is ours, `extras` came beside it."""

    batch: RemoteBatch
    extras: tuple[RemoteBatch, ...] = ()


class Hold(Struct, frozen=True):
    """Verdict that nothing is decided: the reservation stays, and another listing is needed.

    Attributes:
        first: this is the first absence that counts.
        seconds: time until a further listing can tell more."""

    first: bool
    seconds: int


class Recreate(Struct, frozen=True):
    """Verdict that the batch is proven absent: create it again as the next generation."""


class AskPerson(Struct, frozen=True):
    """Verdict that the batch is absent, and the user decides."""


IntentVerdict = Adopt | Hold | Recreate | AskPerson


class Intent(Struct, frozen=True):
    """Create call without an answer.

    Attributes:
        shard_key, file_id: as the create call carried them.
        since_intent: seconds that have certainly passed since it was made.
        since_absence: seconds since the first absence that counts, None before it.
    """

    shard_key: str
    file_id: str | None
    since_intent: int
    since_absence: int | None


def matches(intent: Intent, batch: RemoteBatch) -> bool:
    """Tell whether `batch` can only come from a create call of this shard.

    The input file belongs to one shard, and a compatible service may drop metadata, so either is
    enough. A batch of an earlier generation that turns up after all counts too: adopting it is
    cheaper than creating another one.
    """
    if SHARD in batch.metadata:
        return batch.metadata[SHARD] == intent.shard_key
    return bool(intent.file_id) and batch.input_file_id == intent.file_id


def judge_intent(
    intent: Intent, listed: Iterable[RemoteBatch], known: frozenset[str], patience: Patience
) -> IntentVerdict:
    """Decides what happened to a create call by a complete list of the account's batches.

    `known` are the batch ids that the ledger has already, they are never adopted twice.
    """
    ours = sorted(
        (b for b in listed if b.id not in known and matches(intent, b)), key=_first_to_use
    )
    if ours:
        return Adopt(ours[0], tuple(ours[1:]))
    if intent.since_intent < patience.grace:
        return Hold(first=False, seconds=patience.grace - intent.since_intent)
    if intent.since_absence is None:
        return Hold(first=True, seconds=patience.listings_apart)
    if intent.since_absence < patience.listings_apart:
        return Hold(first=False, seconds=patience.listings_apart - intent.since_absence)
    return Recreate() if patience.on_ambiguous == "wait" else AskPerson()


def unrecorded_batches(
    listed: Iterable[RemoteBatch], workspace: str, known: frozenset[str]
) -> list[RemoteBatch]:
    """Batches of this workspace that the ledger does not know, oldest first, but those that failed
    as a whole last: one that ran is not to be second to them."""
    unrecorded = [
        b for b in listed if b.metadata.get(WORKSPACE) == workspace and b.id not in known
    ]  # fmt: skip
    return sorted(unrecorded, key=_first_to_use)


def _first_to_use(batch: RemoteBatch) -> tuple[bool, int, str]:
    return batch.status == "failed", batch.created_at, batch.id


def foreign_requests(listed: Iterable[RemoteBatch], known: frozenset[str]) -> dict[str, int]:
    """Requests in foreign unfinished batches, by model: they share our queue."""
    requests: dict[str, int] = {}
    for batch in listed:
        if batch.terminal or batch.id in known or WORKSPACE in batch.metadata or not batch.model:
            continue
        done = (batch.completed or 0) + (batch.failed or 0)
        requests[batch.model] = requests.get(batch.model, 0) + max(0, (batch.total or 0) - done)
    return requests


NextStep = Literal["wait", "cancel", "download", "person"]

_CANCELLING = 7200  # seconds after which a cancellation has come to nothing


def next_step(
    status: str, expires_at: int | None, cancel_asked: bool, now: int, patience: Patience
) -> NextStep:
    """Next step for a submitted batch; `now` and `expires_at` are in the service's time."""
    if status in TERMINAL_STATUSES:
        return "download"
    if expires_at is None or now <= expires_at + patience.stuck:
        return "wait"
    if now > expires_at + patience.stuck + _CANCELLING:
        return "person"
    return "wait" if cancel_asked else "cancel"


def backoff_seconds(refusals: int, minutes: Sequence[int]) -> int:
    """Seconds to wait after the n-th refusal (1, 2, ...); the last step repeats."""
    if not minutes:
        return 0
    return 60 * minutes[min(max(refusals, 1), len(minutes)) - 1]


def absent_outcome(
    status: str, lines: int, completed: int | None, failed: int | None
) -> Literal["missing", "expired", "cancelled"]:
    """Outcome of a request that is in neither file.

    Only where the service's own counts say that every line it ran is in the files can an absent
    one not have been billed.
    """
    if completed is not None and failed is not None and lines >= completed + failed:
        if status == "expired":
            return "expired"
        if status == "cancelled":
            return "cancelled"
    return "missing"
