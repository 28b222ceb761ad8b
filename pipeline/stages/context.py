"""Context of a run: what the stages that talk to the service share."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Protocol

from msgspec import Struct, field

from pipeline.core.budget import BudgetCaps
from pipeline.core.lifecycle import FROZEN, TWIN, Patience
from pipeline.core.retry import DEFAULT_RULES, RetryRule
from pipeline.core.twins import Listings
from pipeline.core.wire_format import OPENAI_FORMAT, WireFormat
from pipeline.core.words import counted
from pipeline.errors import Interrupted
from pipeline.ledger import Ledger
from pipeline.ledger.reservations import Scope
from pipeline.providers.base import BatchService
from pipeline.stages.mirroring import Mirroring, NoMirror
from pipeline.system.clock import Clock
from pipeline.system.workspace import Workspace


class Note(Protocol):
    """Function that adds an event to the run's log."""

    def __call__(self, event: str, *, level: str = "info", **fields: object) -> None:
        """Add one event; `fields` are JSON-able."""
        ...


def drop_event(event: str, *, level: str = "info", **fields: object) -> None:
    """Drop the event."""


class StageContext(Struct, frozen=True):
    """Ledger, service, workspace and the rules of this run.

    Attributes:
        run: row of this run in the ledger.
        wire_format: shapes of the service's answers.
        queue_limit: prompt tokens a model's unfinished batches may hold, when configured.
        queue_guess: the same as the catalogue knows it, None = no limit.
        creates_per_hour: create calls an hour.
        whole_endings: gives the endings that the user declares whole for a model.
        say: shows one sentence to the user.
        note: puts an event into the run's log.
        stopping: true once a person or the system requested a stop.
        sleep: waits some seconds, less when a stop is requested.
        mirror: keeps in another place what was paid for.
        listings: what this run has seen of the service's list.
    """

    ledger: Ledger
    service: BatchService
    workspace: Workspace
    clock: Clock
    run: int
    caps: BudgetCaps = field(default_factory=BudgetCaps)
    patience: Patience = field(default_factory=Patience)
    wire_format: WireFormat = OPENAI_FORMAT
    rules: Mapping[str, RetryRule] = field(default_factory=lambda: dict(DEFAULT_RULES))
    queue_limit: int | None = None
    queue_guess: Callable[[str], int | None] = lambda _model: None
    creates_per_hour: int = 2000
    whole_endings: Callable[[str], frozenset[str]] = lambda _model: frozenset()
    keep_raw: bool = True
    keep_shards: bool = False
    delete_remote: bool = True
    say: Callable[[str], None] = lambda _text: None
    note: Note = drop_event
    stopping: Callable[[], bool] = lambda: False
    sleep: Callable[[float], None] = time.sleep
    mirror: Mirroring = field(default_factory=NoMirror)
    listings: Listings = field(default_factory=Listings)

    def scope(self) -> Scope:
        """Run and time that a reservation made now counts for."""
        return Scope(self.run, self.clock.now())

    def filename(self, shard_key: str) -> str:
        """Name of a shard's file at the service, unique to this workspace."""
        return f"captionmill-{self.ledger.workspace_id()}-{shard_key}.jsonl"

    def undecided(self) -> str | None:
        """Sentence about what a person must decide before anything is sent, None for nothing."""
        return self.ledger.get(FROZEN) or self.ledger.get(TWIN)

    def check_stop(self) -> None:
        """Raise between transactions once a stop is requested.

        Raises:
            Interrupted: a stop was requested.
        """
        if not self.stopping():
            return
        batches = len(self.ledger.batches.in_states("open"))
        done, total = self.ledger.batches.progress()
        unfinished = (
            f"{counted(batches, 'batch', 'batches')} with "
            f"{counted(total - done, 'unanswered request')} still at the service"
            if batches
            else "nothing is under way at the service"
        )
        raise Interrupted(f"stopped: {unfinished}, nothing is lost; run the same again to go on")
