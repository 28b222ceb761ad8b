"""Recognition of a twin: another copy of this workspace that is at work at the same time.

A restored backup knows as little of some batches as a twin's other half does. What tells them apart
is the time: the batches that a backup lacks are older than the run that finds them, a twin's come
to exist while it runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct, field

from pipeline.core.lifecycle import RUN, SHARD, WORKSPACE
from pipeline.records import RemoteBatch

_IN_A_ROW = 50
"""Batches of earlier lists, one after another, behind which nothing newer is looked for: a list
that shows a batch late may put it below some of them."""


class Begin(Struct, frozen=True):
    """Begin of a run, by the service's own clock and list.

    Attributes:
        at: when the service gave its first list, epoch seconds; None where it does not say.
        listed: ids of the batches in it.
    """

    at: int | None
    listed: frozenset[str]


class Listings(Struct):
    """Lists of the service's batches that a run has seen.

    Attributes:
        begin: the first of them, None before it.
        seen: ids in all of them.
        newest_first: none of them was in another order.
    """

    begin: Begin | None = None
    seen: frozenset[str] = frozenset()
    newest_first: bool = True

    def note(self, listed: Iterable[RemoteBatch], at: int | None) -> None:
        """Remember a list, read at `at` of the service's clock."""
        times = [batch.created_at for batch in listed]
        self.seen |= {batch.id for batch in listed}
        self.newest_first &= times == sorted(times, reverse=True)
        if self.begin is None:
            self.begin = Begin(at, self.seen)

    def newer(self, listed: Iterable[RemoteBatch]) -> Iterator[RemoteBatch]:
        """Batches of a list up to where it only repeats earlier ones; all of a list that is in
        another order. No more of `listed` is drawn than needed."""
        in_a_row = 0
        for batch in listed:
            yield batch
            in_a_row = in_a_row + 1 if batch.id in self.seen else 0
            if self.newest_first and in_a_row >= _IN_A_ROW:
                return


class OurCalls(Struct, frozen=True):
    """Create calls of this ledger.

    Attributes:
        workspace: id of the workspace.
        known: ids of the batches in the ledger.
        nonces: of all its runs.
        shards: keys of the shards for which a create call was made.
    """

    workspace: str
    known: frozenset[str]
    nonces: frozenset[str]
    shards: frozenset[str] = field(default=frozenset())

    def explains(self, batch: RemoteBatch) -> bool:
        """Tell whether a batch is known, of another workspace, or made by one of these calls.

        Batches of version 0.1.0 carry no nonce; their shard tells.
        """
        if batch.metadata.get(WORKSPACE) != self.workspace or batch.id in self.known:
            return True
        nonce = batch.metadata.get(RUN)
        if nonce is None:
            return batch.metadata.get(SHARD) in self.shards
        return nonce in self.nonces


def made_since(batch: RemoteBatch, begin: Begin) -> bool:
    """Tell whether a batch was made after the run's begin: it was not in the first list, and the
    service's clock does not say that it is older and was only listed late."""
    older = begin.at is not None and 0 < batch.created_at < begin.at
    return batch.id not in begin.listed and not older


def twin_batches(
    listed: Iterable[RemoteBatch], ours: OurCalls, begin: Begin, *, noted: bool
) -> list[RemoteBatch]:
    """Batches of a twin.

    Args:
        noted: a twin was noticed before, and nobody has decided yet: then every batch that no call
            of ours explains may be its, however old.
    """
    return [
        batch for batch in listed
        if not ours.explains(batch) and (noted or made_since(batch, begin))
    ]  # fmt: skip


_BOTH = (
    "both would pay for the same images. Nothing more is sent from here. Stop the other "
    "copy for good and run 'captionmill resolve twin', or let this one become a workspace of "
    "its own with 'captionmill resolve new-identity'"
)


def twin_sentence(batch: RemoteBatch) -> str:
    """Sentence about a twin's batch, with what a person can do."""
    return (
        f"another copy of this workspace is at work: batch {batch.id} was not made by this one, "
        f"and {_BOTH}"
    )


def mirror_sentence(address: str) -> str:
    """Sentence about a twin that works on the mirror at `address`."""
    return (
        f"another copy of this workspace is at work: the mirror {address} has runs that are not "
        f"of this one, and {_BOTH}, which then needs a mirror of its own too"
    )
