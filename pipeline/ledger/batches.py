"""Batches as the service shows them, and what is done with them here."""

from __future__ import annotations

from msgspec import Struct

from pipeline.core.batch_usage import TokenSums
from pipeline.ledger.database import Database, sql_list
from pipeline.ledger.online_groups import ONLINE
from pipeline.records import TERMINAL_STATUSES, RemoteBatch
from pipeline.system.clock import Moment

BOOKED_AS = "CASE b.role WHEN 'main' THEN b.generation ELSE -b.id END"
"""`Batch.booked_as` of the batch b in SQL."""


class Batch(Struct, frozen=True):
    """Batch row.

    Attributes:
        late_since, late_uptime: when its files were first found not to explain its requests.
        late_looks: how many looks have found that.
        doubt, doubt_since, doubt_uptime: what the last of them found, and since when just that.
        made_here: 0 for a batch that a create call of another ledger made: an older one of this
            workspace, or another copy's.
    """

    row: int
    batch_id: str
    shard: int
    generation: int
    role: str
    state: str
    status: str
    input_file_id: str
    output_file_id: str | None
    error_file_id: str | None
    created_at: int
    expires_at: int | None
    total: int | None
    completed: int | None
    failed: int | None
    cancel_asked_at: int | None
    vanished_at: int | None
    problem: str
    late_since: int | None
    late_uptime: str | None
    late_looks: int
    doubt: str | None
    doubt_since: int | None
    doubt_uptime: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    made_here: int

    @property
    def usage(self) -> TokenSums | None:
        """Service's own sums of tokens, None where it names none."""
        if self.prompt_tokens is None or self.completion_tokens is None:
            return None
        return TokenSums(self.prompt_tokens, self.completion_tokens)

    @property
    def booked_as(self) -> int:
        """Generation of its reservation; a second batch has one of its own, below 0."""
        return self.generation if self.role == "main" else -self.row

    def decides_shard(self, generation: int) -> bool:
        """Tell whether this batch decides about its shard, which is at `generation`."""
        return self.role == "main" and self.generation == generation

    def frees(self, generation: int) -> bool:
        """Tell whether its answers take works out of the shard: not those of a second batch."""
        return self.role == "file" or self.decides_shard(generation)


_BATCH = (
    "SELECT id, batch_id, shard, generation, role, state, status, input_file_id, output_file_id, "
    "error_file_id, created_at, expires_at, total, completed, failed, cancel_asked_at, "
    "vanished_at, problem, late_since, late_uptime, late_looks, doubt, doubt_since, doubt_uptime, "
    "prompt_tokens, completion_tokens, made_here FROM batches"
)


class Batches:
    """Table `batches`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(
        self, shard: int, generation: int, remote: RemoteBatch, role: str, *, made_here: bool = True
    ) -> int:
        """Record a batch of a shard."""
        batch = self._db.insert(
            "INSERT INTO batches (batch_id, shard, generation, role, status, created_at, "
            "input_file_id, made_here) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (remote.id, shard, generation, role, remote.status, remote.created_at,
             remote.input_file_id, made_here),
        )  # fmt: skip
        self.observe(remote, remote.created_at)
        return batch

    def observe(self, remote: RemoteBatch, now: int) -> None:
        """Record what the service shows of a batch; a final status and a file id once seen stay."""
        problem = "; ".join(f"{code}: {text}" for code, text in remote.errors)[:2000]
        self._db.execute(
            f"UPDATE batches SET status = CASE WHEN status IN ({sql_list(TERMINAL_STATUSES)}) "
            "THEN status ELSE ? END, "
            "output_file_id = COALESCE(?, output_file_id), "
            "error_file_id = COALESCE(?, error_file_id), "
            "expires_at = COALESCE(?, expires_at), total = COALESCE(?, total), "
            "completed = COALESCE(?, completed), failed = COALESCE(?, failed), "
            "prompt_tokens = COALESCE(?, prompt_tokens), "
            "completion_tokens = COALESCE(?, completion_tokens), "
            "problem = ?, polled_at = ?, vanished_at = NULL, seal = NULL WHERE batch_id = ?",
            (remote.status, remote.output_file_id, remote.error_file_id, remote.expires_at,
             remote.total, remote.completed, remote.failed, remote.prompt_tokens,
             remote.completion_tokens, problem, now, remote.id),
        )  # fmt: skip

    def in_states(self, *states: str) -> list[Batch]:
        """Batches in any of these states, oldest first."""
        marks = ", ".join("?" * len(states))
        rows = self._db.execute(f"{_BATCH} WHERE state IN ({marks}) ORDER BY id", states)
        return [Batch(*row) for row in rows]

    def durations(self, most: int = 200) -> list[int]:
        """Seconds from creation to the settled answers of the latest batches that completed."""
        rows = self._db.execute(
            "SELECT settled_at - created_at FROM batches WHERE role = 'main' AND made_here = 1 "
            "AND status = 'completed' AND settled_at >= created_at AND batch_id NOT LIKE ? "
            "ORDER BY id DESC LIMIT ?",
            (f"{ONLINE}%", most),
        )
        return [int(row[0]) for row in rows]

    def by_id(self, batch_id: str) -> Batch | None:
        """Batch with the service's id, or None."""
        row = self._db.one(f"{_BATCH} WHERE batch_id = ?", (batch_id,))
        return None if row is None else Batch(*row)  # type: ignore[arg-type]

    def of_shard(self, shard: int) -> list[Batch]:
        """Read all batches of a shard, oldest first."""
        rows = self._db.execute(f"{_BATCH} WHERE shard = ? ORDER BY id", (shard,))
        return [Batch(*row) for row in rows]

    def ids(self) -> set[str]:
        """Every batch id this ledger knows."""
        return {str(row[0]) for row in self._db.execute("SELECT batch_id FROM batches")}

    def progress(self) -> tuple[int, int]:
        """(answered, all) requests of batches that are under way, as the service last said."""
        row = self._db.one(
            "SELECT SUM(COALESCE(b.completed, 0) + COALESCE(b.failed, 0)), SUM(s.requests) "
            "FROM batches b JOIN shards s ON s.id = b.shard WHERE b.state = 'open'"
        )
        done, total = row or (0, 0)
        return int(done or 0), int(total or 0)  # type: ignore[call-overload]

    def move(self, batch: int, to: str) -> None:
        """Set a batch's state."""
        self._db.execute("UPDATE batches SET state = ? WHERE id = ?", (to, batch))

    def postpone(self, batch: Batch, now: Moment, doubt: str = "") -> None:
        """Reopen a batch whose files do not explain its requests: `doubt` says what is open."""
        since = Moment(batch.doubt_since or now.wall, batch.doubt_uptime or now.uptime)
        if doubt != batch.doubt:
            since = now
        self._db.execute(
            "UPDATE batches SET state = 'open', late_since = COALESCE(late_since, ?), "
            "late_uptime = COALESCE(late_uptime, ?), late_looks = late_looks + 1, "
            "doubt = ?, doubt_since = ?, doubt_uptime = ? WHERE id = ?",
            (now.wall, now.uptime, doubt, since.wall, since.uptime, batch.row),
        )

    def vanished(self, batch: int, now: int) -> None:
        """Remember that the service no longer knows the batch, or a file of it."""
        self._db.execute("UPDATE batches SET vanished_at = ? WHERE id = ?", (now, batch))

    def cancel_asked(self, batch: int, now: int) -> None:
        """Remember that we asked the service to cancel."""
        self._db.execute("UPDATE batches SET cancel_asked_at = ? WHERE id = ?", (now, batch))
