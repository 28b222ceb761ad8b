"""Batches in the database: created, listed, moved on. Decisions are made in `lifecycle`."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from pipeline.server.clock import ServerClock
from pipeline.server.database import ServerDatabase
from pipeline.server.fault_injector import FaultInjector
from pipeline.server.fault_rules import BatchFault
from pipeline.server.ids import IdGenerator
from pipeline.server.lifecycle import UNFINISHED, BatchState
from pipeline.server.refusals import ApiError, missing
from pipeline.server.settings import AccountLimits, BatchDurations
from pipeline.server.validation import BatchError, CheckedFile

_HOUR = 3_600.0
_PLANNED_LIMIT = 2_000_000
_UNFINISHED = "status IN ('validating', 'in_progress', 'finalizing', 'cancelling')"


@dataclass(frozen=True, slots=True)
class NewBatch:
    """Create request that passed its checks."""

    input_file_id: str
    endpoint: str
    completion_window: str
    metadata: Mapping[str, str] | None
    output_expires_after: int | None


@dataclass(frozen=True, slots=True)
class FinishedLine:
    """One line that ran: `text` is its line of the output or (failed) error file."""

    line: int
    failed: bool
    text: bytes


class BatchStore:
    """Batches of one server."""

    def __init__(
        self,
        database: ServerDatabase,
        clock: ServerClock,
        ids: IdGenerator,
        faults: FaultInjector,
        durations: BatchDurations,
        limits: AccountLimits,
    ) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._faults = faults
        self._durations = durations
        self._limits = limits

    def create(self, new: NewBatch, delay: float = 0.0) -> sqlite3.Row:
        """Add a batch; it comes to exist `delay` seconds later.

        Raises:
            Refused: 429 above the hourly limit.
        """
        created = self._clock.now() + delay
        with self._database.transaction():
            self._refuse_too_many(created)
            fault = self._faults.for_batch() or BatchFault()
            number = 1 + int(self._database.value("SELECT coalesce(max(seq), 0) FROM batches"))
            as_uuid = self._faults.compat.uuid_ids
            listing = self._faults.listing
            shown = created + max(listing.get_lag_seconds, fault.get_lag_seconds)
            listed = max(shown, created + max(listing.lag_seconds, fault.list_lag_seconds))
            gone = fault.gone_after_seconds
            metadata = None if new.metadata is None else orjson.dumps(new.metadata).decode()
            values: dict[str, object] = {
                **asdict(new),
                "metadata": metadata,
                "seq": number,
                "id": self._ids.identifier(
                    "batch", number, as_uuid=as_uuid, written=self._faults.compat.batch_ids
                ),
                "status": "validating",
                "created_at": created,
                "expires_at": created + self._durations.expire,
                "visible_at": shown,
                "list_visible_at": listed,
                "gone_at": None if gone is None else created + gone,
                "fault": fault.model_dump_json(exclude_defaults=True),
            }
            self._database.insert("batches", values)
        return self.row(number)

    def _refuse_too_many(self, now: float) -> None:
        recent = self._database.value(
            "SELECT count(*) FROM batches WHERE created_at > ?", (now - _HOUR,)
        )
        if recent >= self._limits.creates_per_hour:
            message = f"Rate limit reached: {self._limits.creates_per_hour} batches an hour."
            raise ApiError(429, message, code="rate_limit_exceeded", retry_after=60)

    def row(self, seq: int) -> sqlite3.Row:
        """One batch by number."""
        return self._database.read("SELECT * FROM batches WHERE seq = ?", (seq,))[0]

    def get(self, identifier: str) -> sqlite3.Row:
        """Batch that GET shows now.

        Raises:
            Refused: 404.
        """
        now = self._clock.now()
        rows = self._database.read(
            "SELECT * FROM batches WHERE id = ? AND visible_at <= ? "
            "AND (gone_at IS NULL OR gone_at > ?)",
            (identifier, now, now),
        )
        if not rows:
            raise missing("Batch", identifier)
        return rows[0]

    def listed(self) -> list[sqlite3.Row]:
        """Batches that the list shows now, newest first."""
        now = self._clock.now()
        return self._database.read(
            "SELECT * FROM batches WHERE list_visible_at <= ? "
            "AND (gone_at IS NULL OR gone_at > ?) ORDER BY seq DESC",
            (now, now),
        )

    def cancel(self, identifier: str) -> sqlite3.Row:
        """Begin to cancel an unfinished batch.

        Raises:
            Refused: 404, or 409 for a batch that is already at its end.
        """
        with self._database.transaction():
            row = self.get(identifier)
            if row["status"] not in UNFINISHED:
                message = f"Cannot cancel a batch with status '{row['status']}'."
                raise ApiError(409, message, code="batch_not_cancellable")
            if row["status"] != "cancelling":
                self.update(row["seq"], status="cancelling", cancelling_at=self._clock.now())
            return self.row(row["seq"])

    def unfinished(self) -> list[sqlite3.Row]:
        """Batches that have begun to exist and are not at their end, oldest first."""
        return self._database.read(
            f"SELECT * FROM batches WHERE {_UNFINISHED} AND created_at <= ? ORDER BY seq",
            (self._clock.now(),),
        )

    def next_birth(self) -> float | None:
        """Time when the next batch that landed late comes to exist."""
        value = self._database.value(
            f"SELECT min(created_at) FROM batches WHERE {_UNFINISHED} AND created_at > ?",
            (self._clock.now(),),
        )
        return None if value is None else float(value)

    def update(self, seq: int, **columns: object) -> None:
        """Set columns of one batch; joins the transaction that is open in this thread."""
        assignments = ", ".join(f"{name} = ?" for name in columns)
        with self._database.transaction() as connection:
            connection.execute(
                f"UPDATE batches SET {assignments} WHERE seq = ?", (*columns.values(), seq)
            )

    def move(self, seq: int, before: str, after: str, **columns: object) -> None:
        """Change the status, unless something else (a cancel) has changed it already."""
        with self._database.transaction():
            if self.row(seq)["status"] == before:
                self.update(seq, status=after, **columns)

    def accept(self, seq: int, checked: CheckedFile) -> None:
        """Validation passed: the batch is in progress, or fails at the enqueued-token limit.

        It is in progress from the time when validation was due, so that what follows does not
        hang on how soon the executor came by after a jump of the clock.
        """
        with self._database.transaction():
            row = self.row(seq)
            if row["status"] != "validating":
                return
            limit = self._limits.enqueued_tokens.get(checked.model or "")
            if limit is not None and self._enqueued(checked.model) + checked.tokens > limit:
                message = token_limit_message(checked.model, self._limits.organization, limit)
                self.fail(seq, [BatchError("token_limit_exceeded", message)], checked.model)
                return
            self.update(
                seq,
                status="in_progress",
                in_progress_at=row["created_at"] + self._durations.validate,
                total=checked.total,
                model=checked.model,
                enqueued_tokens=checked.tokens,
            )

    def fail(self, seq: int, errors: Sequence[BatchError], model: str | None = None) -> None:
        """Fail the batch's validation with `errors`."""
        with self._database.transaction():
            if self.row(seq)["status"] == "validating":
                text = orjson.dumps([asdict(error) for error in errors]).decode()
                now = self._clock.now()
                self.update(seq, status="failed", failed_at=now, errors=text, model=model)

    def _enqueued(self, model: str | None) -> int:
        tokens = self._database.value(
            f"SELECT sum(enqueued_tokens) FROM batches WHERE {_UNFINISHED} AND model = ?", (model,)
        )
        return int(tokens or 0)

    def keep_results(self, seq: int, ran: Sequence[FinishedLine]) -> None:
        """Store lines that ran, until the batch is published."""
        with self._database.transaction() as connection:
            connection.executemany(
                "INSERT INTO results (batch, line, failed, text) VALUES (?, ?, ?, ?)",
                [(seq, one.line, int(one.failed), one.text) for one in ran],
            )

    def result_lines(self, seq: int, *, failed: bool) -> list[int]:
        """Numbers of the stored lines of one kind, in the order they were sent."""
        rows = self._database.read(
            "SELECT line FROM results WHERE batch = ? AND failed = ? ORDER BY line",
            (seq, int(failed)),
        )
        return [int(row["line"]) for row in rows]

    def result_text(self, seq: int, line: int) -> bytes:
        """One stored line."""
        sql = "SELECT text FROM results WHERE batch = ? AND line = ?"
        return bytes(self._database.value(sql, (seq, line)))

    def drop_results(self, seq: int) -> None:
        """Forget the stored lines of a published batch."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM results WHERE batch = ?", (seq,))


def fault_of(row: Mapping[str, Any] | sqlite3.Row) -> BatchFault:
    """Fault that was decided when the batch was created."""
    return BatchFault.model_validate_json(row["fault"] or "{}")


def state_of(row: sqlite3.Row) -> BatchState:
    """Batch as `lifecycle` sees it."""
    since = {
        "validating": row["created_at"],
        "in_progress": row["in_progress_at"],
        "finalizing": row["finalizing_at"],
        "cancelling": row["cancelling_at"],
    }
    return BatchState(
        status=row["status"],
        since=since[row["status"]],
        expires_at=row["expires_at"],
        total=row["total"],
        done=row["done"],
        fault=fault_of(row),
    )


def token_limit_message(model: str | None, organization: str, limit: int) -> str:
    """Documented words of `token_limit_exceeded`."""
    return (
        f"Enqueued token limit reached for {model} in organization {organization}. "
        f"Limit: {limit} enqueued tokens. "
        "Please try again once some in_progress batches have been completed."
    )


def planned_failure(fault: BatchFault, model: str | None, organization: str) -> BatchError | None:
    """Error that the plan wants a batch to fail with, if any."""
    if fault.fail is None:
        return None
    message = fault.message or "This failure was planned."
    if fault.fail == "token_limit_exceeded" and fault.message is None:
        message = token_limit_message(model, organization, _PLANNED_LIMIT)
    return BatchError(fault.fail, message)
