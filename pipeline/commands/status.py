"""Status of a workspace, read from its ledger alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from pipeline.config import Config, as_config
from pipeline.core.batch_times import ExpectedEnd, expected_end
from pipeline.core.budget import BudgetCaps, Exposure
from pipeline.core.budget_words import in_force, spent_and_reserved
from pipeline.core.calibration import Calibration
from pipeline.core.lifecycle import FROZEN, TWIN
from pipeline.core.pricing import dollars
from pipeline.ledger import Ledger
from pipeline.ledger.batches import Batch
from pipeline.ledger.rechecks import StaleImages
from pipeline.ledger.reservations import Scope
from pipeline.ledger.shards import Shard
from pipeline.records import Nano
from pipeline.review.edits import Edits
from pipeline.session.account import AccountOptions, resolve_account
from pipeline.session.caps import CapSettings
from pipeline.session.checks import service_cost_notes
from pipeline.stages.table_facts import known_outcomes, table_step, unshown_captions
from pipeline.system.clock import Clock
from pipeline.system.workspace import Workspace

if TYPE_CHECKING:
    from pipeline.session.workers import WorkersInUse

_WAITING = ("SEALED", "UPLOADING", "UPLOADED", "CREATING", "WRITTEN")


@dataclass(slots=True)
class Status:
    """Workspace at a glance, read from its ledger; nothing is sent or changed.

    `table` is None before it was first written; `exposure` is what the caps count, and of the cap
    of a run nothing is used yet.
    """

    workspace: str
    table: str | None
    provider: str
    images: int
    outcomes: Counter[str]
    batches: list[tuple[Batch, Shard]]
    waiting: list[Shard]
    settled: Nano
    reserved: Nano
    frozen: str | None
    incidents: list[tuple[int, str, str]]
    calibration: list[Calibration] = field(default_factory=list)
    notes: tuple[str, ...] = ()
    unshown: int = 0  # captions that no image shows
    unexported: int = 0  # steps of people that the table does not hold yet
    caps: BudgetCaps = field(default_factory=BudgetCaps)
    exposure: Exposure = field(default_factory=Exposure)
    cap_origins: Mapping[str, str] = field(default_factory=dict)
    stale: StaleImages = field(default_factory=StaleImages)
    now: int = 0
    workers: WorkersInUse | None = None  # of a cluster, while a run uses them
    durations: tuple[int, ...] = ()  # seconds that earlier batches of this account took

    def expected_end(self, batch: Batch) -> ExpectedEnd:
        """Age of a batch, and its end as far as the account's past tells."""
        return expected_end(batch.created_at, self.now, self.durations)

    @property
    def money(self) -> str:
        """Money spent and reserved, in words."""
        return spent_and_reserved(self.settled, self.reserved)

    @property
    def cost(self) -> Decimal | None:
        """Dollars that were spent."""
        return dollars(self.settled)

    @property
    def reserved_cost(self) -> Decimal | None:
        """Dollars that are reserved for what is under way."""
        return dollars(self.reserved)

    @property
    def budget(self) -> str:
        """Caps in force in one line, "" for none."""
        return in_force(self.caps, self.exposure, self.cap_origins)


def status(config: Config | str) -> Status:
    """Read the status of a workspace, also while another process works in it.

    Raises:
        UsageError: there is none yet.
    """
    config = as_config(config)
    _, workspace = resolve_account(AccountOptions.of(config), offline=True, existing=True)
    table = config.output.table or workspace.table
    with Ledger(workspace.ledger, read_only=True) as ledger:
        totals = ledger.reservations.totals()
        outcomes = known_outcomes(ledger) or ledger.rows.outcomes()
        budget = CapSettings.of(config).with_remembered(ledger, workspace)
        return Status(
            workspace=str(workspace.root),
            table=str(table) if table.is_file() else None,
            provider=(ledger.get("provider") or "").rstrip(":"),
            images=outcomes.total(),
            outcomes=outcomes,
            batches=[(b, ledger.shards.get(b.shard)) for b in ledger.batches.in_states("open")],
            waiting=ledger.shards.in_states(*_WAITING),
            settled=totals.charged,
            reserved=totals.reserved,
            frozen=ledger.get(FROZEN) or ledger.get(TWIN),
            incidents=ledger.incidents(),
            calibration=ledger.answers.calibration(),
            notes=tuple(service_cost_notes(ledger)),
            unshown=unshown_captions(ledger),
            unexported=unexported_steps(workspace, ledger),
            caps=budget.caps,
            exposure=ledger.reservations.exposure(Scope(0, Clock().now())),
            cap_origins=budget.origins,
            stale=ledger.rechecks.summary(),
            now=Clock().now(),
            workers=_workers(workspace),
            durations=tuple(ledger.batches.durations()),
        )


def _workers(workspace: Workspace) -> WorkersInUse | None:
    """Workers of a cluster, None without any; most workspaces never had one, and start quicker."""
    if not workspace.workers.exists():
        return None
    from pipeline.session.workers import workers_in_use

    return workers_in_use(workspace.workers, Clock().now())


def unexported_steps(workspace: Workspace, ledger: Ledger) -> int:
    """Number of steps in the review that the table does not hold yet."""
    with Edits(workspace.reviews, read_only=True) as edits:
        return max(0, edits.last_step() - table_step(ledger))
