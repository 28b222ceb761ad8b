"""Shards and their items: each arrow of the life cycle is one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from msgspec import Struct

from pipeline.core.outcomes import PAID_OUTCOMES
from pipeline.errors import BooksError
from pipeline.ledger.database import Database, sql_list
from pipeline.records import Nano


class NewItem(NamedTuple):
    """One request line of a shard about to be sealed.

    Attributes:
        prompt_tokens: as counted; `guessed` of them no rule of the service fixes.
        live: its work is recorded so already.
    """

    work: int
    attempt: int
    max_cost: Nano | None
    estimated: Nano | None
    prompt_tokens: int
    guessed: int = 0
    live: bool = False


class NewShard(Struct, frozen=True):
    """Shard file that is durable on disk and about to be recorded."""

    shard_key: str
    spec: int
    model: str
    size: int
    checksum: bytes
    max_cost: Nano | None
    price_version: str | None
    prices: str | None
    items: tuple[NewItem, ...]

    @property
    def prompt_tokens(self) -> int:
        """Expected prompt tokens of all lines, for the queue limit."""
        return sum(item.prompt_tokens for item in self.items)

    @property
    def guessed(self) -> int:
        """Those of them that no rule of the service fixes."""
        return sum(item.guessed for item in self.items)


class Shard(Struct, frozen=True):
    """Shard row; `guessed` of its prompt tokens no rule of the service fixes, None: unknown."""

    row: int
    shard_key: str
    spec: int | None
    model: str
    state: str
    generation: int
    requests: int
    size: int
    checksum: bytes | None
    prompt_tokens: int
    guessed: int | None
    max_cost: Nano | None
    price_version: str | None
    prices: str | None
    fields: str | None
    file_id: str | None
    intent_at: int | None
    intent_uptime: str | None
    absent_since: int | None
    absent_uptime: str | None
    absences: int
    not_before: int
    refusals: int
    problem: str


# of item i, for which nothing was sent: a paid answer to this attempt or a later one
PAID_SINCE = (
    "SELECT 1 FROM answers a WHERE a.work = i.work AND a.attempt >= i.attempt "
    f"AND a.outcome IN ({sql_list(PAID_OUTCOMES)})"
)
# of a work w that has what it needs: a person did not ask for another caption
CAPTIONED = "(w.outcome IS 'captioned' AND w.after IS NOT 'captioned')"
# ... and an item of the same work in a shard at the service that has not answered it
ELSEWHERE = (
    "SELECT x.id FROM items x JOIN shards o ON o.id = x.shard "
    "WHERE x.work = i.work AND x.shard <> i.shard AND o.state IN ('SUBMITTED', 'DOWNLOADED') "
    "AND NOT EXISTS (SELECT 1 FROM answers a JOIN batches b ON b.id = a.batch "
    "WHERE b.shard = o.id AND a.work = x.work)"
)

_SHARD = (
    "SELECT id, shard_key, spec, model, state, generation, requests, bytes, checksum, "
    "prompt_tokens, guessed, worst, price_version, prices, fields, file_id, intent_at, "
    "intent_uptime, "
    "absent_since, absent_uptime, absences, not_before, refusals, problem FROM shards"
)


class Shards:
    """Tables `shards` and `items`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    # -- making --------------------------------------------------------------------------------

    def seal(self, new: NewShard, now: int) -> int:
        """Record a durable shard file: its works are live from here on.

        The unique index on live items refuses a work that is in another live shard.
        """
        with self._db.transaction("seal"):
            shard = self._db.insert(
                "INSERT INTO shards (shard_key, spec, model, state, requests, bytes, checksum, "
                "prompt_tokens, guessed, worst, price_version, prices, created_at) "
                "VALUES (?, ?, ?, 'SEALED', ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (new.shard_key, new.spec, new.model, len(new.items), new.size, new.checksum,
                 new.prompt_tokens, new.guessed, new.max_cost, new.price_version, new.prices, now),
            )  # fmt: skip
            self.add_items(shard, new.items)
        return shard

    def add_items(self, shard: int, items: Iterable[NewItem]) -> None:
        """Put works into a shard and mark them live."""
        items = list(items)
        self._db.executemany(
            "INSERT INTO items (shard, work, attempt, worst, estimated, prompt_tokens) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            [(shard, i.work, i.attempt, i.max_cost, i.estimated, i.prompt_tokens) for i in items],
        )
        self._db.executemany(
            "UPDATE works SET state = 'live', attempts = ?, estimated = ? WHERE id = ?",
            [(i.attempt, i.estimated, i.work) for i in items if not i.live],
        )

    # -- reading -------------------------------------------------------------------------------

    def get(self, row: int) -> Shard:
        """One shard."""
        row_values = self._db.one(f"{_SHARD} WHERE id = ?", (row,))
        if row_values is None:
            raise BooksError(f"the ledger has no shard {row}")
        return Shard(*row_values)  # type: ignore[arg-type]

    def by_key(self, shard_key: str) -> Shard | None:
        """Shard with this key, or None."""
        row_values = self._db.one(f"{_SHARD} WHERE shard_key = ?", (shard_key,))
        return None if row_values is None else Shard(*row_values)  # type: ignore[arg-type]

    def in_states(self, *states: str) -> list[Shard]:
        """Shards in any of these states, oldest first."""
        marks = ", ".join("?" * len(states))
        rows = self._db.execute(f"{_SHARD} WHERE state IN ({marks}) ORDER BY id", states)
        return [Shard(*row) for row in rows]

    def next_number(self) -> int:
        """Number of the next shard, for its name."""
        return self._db.number("SELECT MAX(id) FROM shards") + 1

    def items(self, shard: int) -> Iterator[tuple[int, bytes, int, bool, Nano | None]]:
        """(work, work_key, attempt, live, worst) of each line of a shard, in order."""
        for work, key, attempt, live, max_cost in self._db.execute(
            "SELECT i.work, w.work_key, i.attempt, i.live, i.worst FROM items i "
            "JOIN works w ON w.id = i.work WHERE i.shard = ? ORDER BY i.id",
            (shard,),
        ):
            yield int(work), key, int(attempt), bool(live), max_cost

    def asked_keys(self) -> frozenset[str]:
        """Keys of the shards for which a create call was made, or whose batch was adopted."""
        rows = self._db.execute(
            "SELECT shard_key FROM shards WHERE intent_at IS NOT NULL OR generation > 1"
        )
        return frozenset(str(row[0]) for row in rows)

    def created_since(self, since: int) -> int:
        """Create calls made since a time, for the hourly limit."""
        return self._db.number("SELECT COUNT(*) FROM shards WHERE intent_at >= ?", (since,))

    # -- the arrows ----------------------------------------------------------------------------

    def move(self, shard: Shard, to: str, **values: object) -> Shard:
        """One arrow: from the state that the caller saw to `to`, with further columns.

        Raises:
            BooksError: the shard has moved meanwhile.
        """
        names = "".join(f", {name} = ?" for name in values)
        with self._db.transaction(to.lower()):
            changed = self._db.execute(
                f"UPDATE shards SET state = ?, seal = NULL{names} "
                "WHERE id = ? AND state = ? AND generation = ?",
                (to, *values.values(), shard.row, shard.state, shard.generation),
            ).rowcount
            if changed != 1:
                raise BooksError(f"shard {shard.shard_key} is no longer {shard.state}")
        return self.get(shard.row)

    def note_refusal(self, shard: int, refusals: int, problem: str) -> None:
        """Remember how often the service refused a shard, and its words."""
        self._db.execute(
            "UPDATE shards SET refusals = ?, problem = ? WHERE id = ?",
            (refusals, problem[:500], shard),
        )

    def dissolve(self, shard: Shard) -> None:
        """Take back the works of a shard that never left the machine: no attempt is counted, but
        for later ones of other shards.

        A work that is at the service in another shard is live there from now on, and one that is
        paid for is done.
        """
        with self._db.transaction("dissolve"):
            mine = (shard.row,)
            self._db.execute(
                "UPDATE works SET state = CASE WHEN p.paid THEN 'done' ELSE 'pending' END, "
                "attempts = works.attempts - (NOT p.paid AND p.attempt = works.attempts) "
                f"FROM (SELECT i.work, i.attempt, {CAPTIONED} "
                f"OR EXISTS ({PAID_SINCE}) AS paid FROM items i JOIN works w ON w.id = i.work "
                "WHERE i.shard = ? AND i.live = 1) AS p WHERE works.id = p.work",
                mine,
            )
            elsewhere = [
                row[0]
                for row in self._db.execute(
                    f"SELECT ({ELSEWHERE}) AS item FROM items i "
                    "WHERE i.shard = ? AND i.live = 1 AND item IS NOT NULL",
                    mine,
                )
            ]
            self._db.execute("DELETE FROM items WHERE shard = ? AND live = 1", mine)
            for item in elsewhere:
                self._revive(item)
            self.move(shard, "DISSOLVED")

    def _revive(self, item: int) -> None:
        self._db.execute("UPDATE items SET live = 1 WHERE id = ?", (item,))
        self._db.execute(
            "UPDATE works SET state = 'live', attempts = MAX(works.attempts, i.attempt) "
            "FROM items i WHERE i.id = ? AND works.id = i.work AND works.state = 'pending'",
            (item,),
        )

    # -- cleaning ------------------------------------------------------------------------------

    def cleaned(self, shard: int) -> None:
        """Nothing of the shard is left to delete."""
        self._db.execute("UPDATE shards SET cleaned = 1 WHERE id = ?", (shard,))

    def to_clean(self) -> Sequence[tuple[int, str, str | None]]:
        """(row, shard_key, file_id) of shards that are over and not yet cleaned."""
        return [
            (int(row), str(key), file_id)
            for row, key, file_id in self._db.execute(
                "SELECT id, shard_key, file_id FROM shards s "
                "WHERE cleaned = 0 AND state IN ('SETTLED', 'DISSOLVED') AND NOT EXISTS "
                "(SELECT 1 FROM batches b WHERE b.shard = s.id AND b.state IN "
                "('open', 'downloaded')) ORDER BY id"
            )
        ]
