"""Shards that were handed to somebody as files, and the files that come back.

Such a shard is WRITTEN: its works are live and its money is reserved, as at a service, but no
batch of it is known. Each file that comes back is a batch of the role "file" with what it holds;
the shard is over when every work of it is answered or given back.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from pipeline.core.outcomes import PAID_OUTCOMES
from pipeline.ledger.database import Database, sql_list

AttemptStateName = Literal["handed over", "under way", "answered", "failed", "wanted", "unknown"]

_PAID = sql_list(PAID_OUTCOMES)


class AttemptState(Struct, frozen=True):
    """State of an attempt at a work.

    Attributes:
        state: "handed over" in a WRITTEN shard, "under way" at the service, "answered", "failed"
            (answered, but by nothing that was paid), "wanted" (pending, in no shard), or "unknown"
            to this ledger.
        shard: row of the shard that was handed over, else 0.
    """

    state: AttemptStateName
    shard: int = 0


class HandedOut:
    """WRITTEN rows of `shards`, with their items and reservations."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def find(self, work_key: bytes, attempt: int) -> AttemptState:
        """State of this attempt at a work."""
        row = self._db.one(
            "SELECT w.state, i.live, i.shard, s.state, EXISTS (SELECT 1 FROM answers a "
            "WHERE a.work = w.id AND a.attempt = i.attempt), EXISTS (SELECT 1 FROM answers a "
            f"WHERE a.work = w.id AND a.attempt = i.attempt AND a.outcome IN ({_PAID})) "
            "FROM works w "
            "LEFT JOIN items i ON i.work = w.id AND i.attempt = ? "
            "LEFT JOIN shards s ON s.id = i.shard "
            "WHERE w.work_key = ? ORDER BY i.live DESC, i.id DESC LIMIT 1",
            (attempt, work_key),
        )
        if row is None:
            return AttemptState("unknown")
        work, live, shard, state, answered, paid = row
        if live and state == "WRITTEN":
            return AttemptState("handed over", int(shard))  # type: ignore[call-overload]
        if answered and not paid and not live:
            handed = state in ("WRITTEN", "SETTLED")
            return AttemptState("failed", int(shard) if handed else 0)  # type: ignore[call-overload]
        if live or work == "live":
            return AttemptState("under way")
        # without an item the attempt was never made here, or was given back
        return AttemptState("wanted" if live is None and work == "pending" else "answered")

    def outstanding(self) -> int:
        """Number of requests in files that are neither answered nor taken back."""
        return self._db.number(
            "SELECT COUNT(*) FROM items i JOIN shards s ON s.id = i.shard "
            "WHERE s.state = 'WRITTEN' AND i.live = 1"
        )

    def adopt(self, shard_key: str, model: str, prices: str | None, now: int) -> int:
        """Record a shard for answers to foreign requests; gives its row."""
        return self._db.insert(
            "INSERT INTO shards (shard_key, model, state, requests, bytes, prompt_tokens, "
            "prices, created_at) VALUES (?, ?, 'WRITTEN', 0, 0, 0, ?, ?)",
            (shard_key, model, prices, now),
        )

    def arrived(self, batch_id: str, shard: int, now: int) -> int:
        """Record a file with answers to a shard's requests, which is safe here; gives its row."""
        return self._db.insert(
            "INSERT INTO batches (batch_id, shard, generation, role, state, status, created_at) "
            "VALUES (?, ?, 1, 'file', 'downloaded', 'completed', ?)",
            (batch_id, shard, now),
        )

    def forget(self, batch: int) -> None:
        """Forget a file whose answers cannot be read and were not booked: it may come again."""
        self._db.execute(
            "DELETE FROM reservations WHERE state = 'open' AND generation = -? AND shard = "
            "(SELECT shard FROM batches WHERE id = ?)",
            (batch, batch),
        )
        self._db.execute("DELETE FROM batches WHERE id = ? AND role = 'file'", (batch,))

    def narrow(self, shard: int, now: int) -> None:
        """Reduce a reservation to what the unanswered rest of a shard can cost; without a rest the
        shard is settled."""
        self._db.execute(
            "UPDATE reservations SET reserved = (SELECT SUM(worst) FROM items "
            "WHERE shard = ? AND live = 1) WHERE shard = ? AND generation > 0 "
            "AND state = 'open' AND reserved IS NOT NULL",
            (shard, shard),
        )
        if self._db.number("SELECT COUNT(*) FROM items WHERE shard = ? AND live = 1", (shard,)):
            return
        self._db.execute(
            "UPDATE reservations SET state = 'released', closed_at = ? "
            "WHERE shard = ? AND generation > 0 AND state = 'open'",
            (now, shard),
        )
        self._db.execute("UPDATE shards SET state = 'SETTLED' WHERE id = ?", (shard,))
