"""The smaller verbs that tend a workspace: status, export, retry, cancel, resolve, clean."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pipeline.account import owner, workspace_of
from pipeline.config import Config
from pipeline.core.pricing import format_usd
from pipeline.core.words import counted
from pipeline.errors import CaptionmillError, ServiceError, UsageError
from pipeline.finishing import export_all, make_room
from pipeline.ledger import Ledger
from pipeline.ledger.batches import Batch
from pipeline.ledger.shards import Shard
from pipeline.records import Nano
from pipeline.session import open_session
from pipeline.sinks.base import WrittenTable
from pipeline.stages import export as stage
from pipeline.stages.clean import Cleaned, clean
from pipeline.stages.collect import write_off
from pipeline.stages.desk import FROZEN
from pipeline.stages.reconcile import next_generation, reconcile, take_apart

Say = Callable[[str], None]

_WAITING = ("SEALED", "UPLOADING", "UPLOADED", "CREATING", "WRITTEN")
RETRYABLE = ("length", "empty", "invalid", "refused", "filtered", "expired", "cancelled",
             "failed", "missing")  # fmt: skip


@dataclass(slots=True)
class Status:
    """A workspace at a glance; read from the ledger alone, nothing is asked or changed.

    `table` is None before it was first written.
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
    calibration: list[tuple[str, int, int, int]] = field(default_factory=list)


def status(config: Config) -> Status:
    """Look at a workspace, also while another process works in it.

    Raises:
        UsageError: there is none yet.
    """
    workspace = workspace_of(config, owner(config).provider)
    workspace.require()
    named = config.output.parquet
    table = Path(named).expanduser() if named else workspace.table
    with Ledger(workspace.ledger, read_only=True) as ledger:
        totals = ledger.books.totals()
        return Status(
            workspace=str(workspace.root),
            table=str(table) if table.is_file() else None,
            provider=(ledger.get("provider") or "").rstrip(":"),
            images=ledger.rows.images(),
            outcomes=ledger.rows.outcomes(),
            batches=[(b, ledger.shards.get(b.shard)) for b in ledger.batches.in_states("open")],
            waiting=ledger.shards.in_states(*_WAITING),
            settled=totals.settled,
            reserved=totals.reserved,
            frozen=ledger.get(FROZEN),
            incidents=ledger.incidents(),
            calibration=ledger.answers.calibration(),
        )


def export_table(config: Config, say: Say) -> WrittenTable:
    """Write the table anew from the ledger.

    Raises:
        UsageError: there is no workspace yet.
    """
    with open_session(config, "export", say, offline=True, existing=True) as session:
        written = export_all(session, force=True)
        assert written is not None
        return written


def export_charges(config: Config, path: Path, say: Say) -> WrittenTable:
    """Write all that was ever charged as a Parquet file at `path`; see `core.charges`.

    Raises:
        UsageError: there is no workspace yet, or `path` is the table of captions.
        StorageError: it cannot be written.
    """
    from pipeline.sinks.parquet import ParquetSink

    with open_session(config, "export", say, offline=True, existing=True) as session:
        if path.resolve() == session.table.resolve():
            raise UsageError(f"{path} is the table of captions: name another file for the charges")
        return stage.export_charges(session.ledger, ParquetSink(path))


def retry(config: Config, outcomes: Iterable[str], say: Say) -> int:
    """Let images with these outcomes go again with the next run; gives how many.

    Raises:
        UsageError: an outcome that cannot be retried.
    """
    wanted = list(dict.fromkeys(outcomes))
    unknown = [name for name in wanted if name not in RETRYABLE]
    if unknown or not wanted:
        raise UsageError(
            f"cannot retry {', '.join(unknown) or 'nothing'}: choose among {', '.join(RETRYABLE)}"
        )
    with open_session(config, "retry", say, offline=True, existing=True) as session:
        count = session.ledger.answers.retry(wanted)
        session.ledger.put(stage.STALE, "1")
        return count


def cancel(config: Config, say: Say) -> int:
    """Ask the service to cancel everything under way; gives how many batches. What they have
    finished is collected by later runs and paid for; the rest goes again or stays pending."""
    asked = 0
    with open_session(config, "cancel", say, existing=True) as session:
        desk = session.desk
        reconcile(desk)
        for batch in desk.ledger.batches.in_states("open"):
            desk.check_stop()
            try:
                desk.service.cancel(batch.batch_id)
                desk.ledger.batches.cancel_asked(batch.row, desk.clock.now())
                asked += 1
            except ServiceError as error:
                say(f"batch {batch.batch_id} is not cancelled: {error}")
        take_apart(desk)
    return asked


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
    with open_session(config, f"resolve {decision}", say, existing=True) as session:
        desk, ledger = session.desk, session.ledger
        if decision == "unfreeze" and ledger.get(FROZEN):
            ledger.put(FROZEN, None)
            done.append("submission is possible again")
        if decision == "create-again":
            _settle_doubts(desk.ledger, lambda: reconcile(desk))
            for shard in ledger.shards.in_states("CREATING"):
                next_generation(desk, shard, not_before=0)
                done.append(f"shard {shard.shard_key} is created again by the next run")
        if decision == "write-off":
            for batch in ledger.batches.in_states("open"):
                if batch.vanished_at is not None:
                    write_off(desk, batch)
                    done.append(
                        f"batch {batch.batch_id} is written off: its images count as missing, its "
                        "money as spent; 'captionmill retry missing' buys them again"
                    )
        if decision == "seen":
            count = ledger.acknowledge()
            done.append(f"{counted(count, 'incident')} put away")
    return done or ["there was nothing to resolve"]


def _settle_doubts(ledger: Ledger, look: Callable[[], object]) -> None:
    """Look once more before a person's word counts: what is in the list was created."""
    if ledger.shards.in_states("CREATING"):
        try:
            look()
        except ServiceError:
            raise
        except CaptionmillError:
            return  # "needs a person": the person has decided


def clean_up(config: Config, say: Say) -> Cleaned:
    """Remove files that are no longer needed, also uploads that lost their shard."""
    with open_session(config, "clean", say, existing=True) as session:
        done = clean(session.desk, orphans=True)
        done.local += make_room(session)
        return done


def money_line(found: Status) -> str:
    """What is spent and reserved, in words."""
    return f"{format_usd(found.settled)} spent, {format_usd(found.reserved)} reserved"
