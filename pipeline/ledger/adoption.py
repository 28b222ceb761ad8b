"""Shards and lines that the ledger does not remember: an older copy of it was restored, or it was
lost. What is at the service is taken in before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import itemgetter

from msgspec import Struct

from pipeline.core.identity import WorkAttempt, parse_custom_id
from pipeline.core.pricing import PriceSheet
from pipeline.ledger.database import Database
from pipeline.ledger.seals import break_seal
from pipeline.ledger.shards import CAPTIONED, ELSEWHERE, PAID_SINCE, Shard
from pipeline.records import Nano
from pipeline.system.clock import Moment


class RecoveredShard(Struct, frozen=True):
    """Shard of ours as its batch's metadata describe it.

    Attributes:
        fields: properties of its structured answers as a JSON list, None for plain text.
    """

    shard_key: str
    generation: int
    model: str
    requests: int
    max_cost: Nano | None
    prices: str | None
    fields: str | None

    @property
    def price_version(self) -> str | None:
        """Name of the prices, None where they are not known."""
        return None if self.prices is None else PriceSheet.from_text(self.prices).version


class OpaqueShard(Struct, frozen=True):
    """Adopted shard of which some contents are unknown; `gone` when they will not be known."""

    shard_key: str
    gone: bool


class Adoption:
    """Writer of the tables `shards` and `items` for shards that come back."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def adopt(self, lost: RecoveredShard, now: Moment) -> int:
        """Record a shard that is at the service, also one that was dissolved here; gives its row.

        Its time counts from now on, as nobody knows when it was created.
        """
        row = self._db.one(
            "INSERT INTO shards (shard_key, generation, model, state, requests, bytes, "
            "prompt_tokens, worst, price_version, prices, fields, created_at, intent_at, "
            "intent_uptime) VALUES (?, ?, ?, 'SUBMITTED', ?, 0, 0, ?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (shard_key) DO UPDATE SET state = 'SUBMITTED', cleaned = 0, "
            "generation = excluded.generation, intent_at = excluded.intent_at, "
            "intent_uptime = excluded.intent_uptime RETURNING id",
            (lost.shard_key, lost.generation, lost.model, lost.requests, lost.max_cost,
             lost.price_version, lost.prices, lost.fields, now.wall, now.wall, now.uptime),
        )  # fmt: skip
        assert row is not None
        return int(row[0])  # type: ignore[call-overload, no-any-return]

    def complete(self, shard: int, lost: RecoveredShard) -> None:
        """Fill in what the ledger lacks of a shard, from its batch's metadata."""
        self._db.execute(
            "UPDATE shards SET worst = COALESCE(worst, ?), prices = COALESCE(prices, ?), "
            "price_version = COALESCE(price_version, ?), fields = COALESCE(fields, ?), "
            "model = CASE model WHEN '' THEN ? ELSE model END, seal = NULL WHERE id = ?",
            (lost.max_cost, lost.prices, lost.price_version, lost.fields, lost.model, shard),
        )

    def doubt(self, shard_key: str, requests: int, size: int, now: Moment) -> int:
        """Record a request file without a ledger; gives the shard's row.

        Its create call may have been made just now, so it is in doubt until the service's list
        has proven the contrary.
        """
        return self._db.insert(
            "INSERT INTO shards (shard_key, model, state, requests, bytes, prompt_tokens, "
            "created_at, intent_at, intent_uptime) "
            "VALUES (?, '', 'CREATING', ?, ?, 0, ?, ?, ?)",
            (shard_key, requests, size, now.wall, now.wall, now.uptime),
        )

    def add_lines(self, shard: int, lines: Iterable[WorkAttempt]) -> None:
        """Record lines of an adopted shard: their works are live, so that none is sent again.

        A work that is live in another shard stays there until that one is dissolved, see
        `overtaken`. Keys are random: in their order each page of their index is touched once.
        """
        lines = sorted(lines, key=itemgetter(0))
        if not lines:
            return
        # a row by each statement: SQLite copies the pages of one that could write several
        self._db.executemany(
            "INSERT INTO works (work_key) VALUES (?) ON CONFLICT DO NOTHING",
            ((key,) for key, _ in lines),
        )
        number, sql = self._db.number, "SELECT id FROM works WHERE work_key = ?"
        works = [(number(sql, (key,)), attempt) for key, attempt in lines]
        break_seal(self._db, "shards", shard)
        self._db.executemany(
            "INSERT INTO items (shard, work, attempt, live) VALUES (?, ?, ?, NOT EXISTS "
            "(SELECT 1 FROM items WHERE work = ? AND live = 1)) ON CONFLICT DO NOTHING",
            ((shard, work, attempt, work) for work, attempt in works),
        )
        self._db.executemany(
            "UPDATE works SET state = 'live', attempts = MAX(attempts, ?) "
            "WHERE id = ? AND state = 'pending'",
            ((attempt, work) for work, attempt in works),
        )

    def add_max_costs(self, shard: int, costs: Mapping[str, Nano]) -> None:
        """Record what requests of an adopted shard can cost at most, by custom_id, where that is
        not known."""
        if not costs:
            return
        break_seal(self._db, "shards", shard)
        names = ((name, parse_custom_id(name)) for name in costs)
        self._db.executemany(
            "UPDATE items SET worst = ? WHERE shard = ? AND worst IS NULL "
            "AND work = (SELECT id FROM works WHERE work_key = ?) AND attempt = ?",
            [(costs[name], shard, *one) for name, one in names if one is not None],
        )

    def recall_works(self, rows: Iterable[tuple[object, ...]]) -> None:
        """Record which image was sent for an adopted work, and its estimate, where they are not
        known: source's label, folder, name, occurrence, nano-dollars, work_key."""
        self._db.executemany(
            "UPDATE works SET representative = COALESCE(representative, (SELECT i.id FROM images i "
            "JOIN folders f ON f.id = i.folder JOIN sources s ON s.id = f.source "
            "WHERE s.label = ? AND f.path = ? AND i.name = ? AND i.occurrence = ?)), "
            "estimated = COALESCE(estimated, ?) WHERE work_key = ?",
            iter(rows),
        )

    def any_unrecognised(self) -> bool:
        """Tell whether an adopted work is there of which no image was seen."""
        sql = "SELECT EXISTS (SELECT 1 FROM works WHERE content IS NULL AND state <> 'pending')"
        return self._db.number(sql) > 0

    def overtaken(self, shard: Shard) -> bool:
        """Tell whether a work of a shard that was not sent is at the service or paid for
        elsewhere, so that the shard must not be sent: an older ledger was restored, or a
        batch came late."""
        return bool(
            self._db.one(
                "SELECT 1 FROM items i JOIN works w ON w.id = i.work "
                f"WHERE i.shard = ? AND i.live = 1 AND ({CAPTIONED} "
                f"OR EXISTS ({PAID_SINCE}) OR EXISTS ({ELSEWHERE})) LIMIT 1",
                (shard.row,),
            )
        )

    def opaque_shards(self) -> list[OpaqueShard]:
        """Adopted shards at the service whose contents are not known, or not all of them."""
        return [
            OpaqueShard(str(key), bool(gone))
            for key, gone in self._db.execute(
                "SELECT shard_key, EXISTS (SELECT 1 FROM batches b WHERE b.shard = s.id "
                "AND b.vanished_at IS NOT NULL) FROM shards s "
                "WHERE state IN ('SUBMITTED', 'DOWNLOADED') "
                "AND (NOT EXISTS (SELECT 1 FROM items i WHERE i.shard = s.id) OR EXISTS "
                "(SELECT 1 FROM batches b WHERE b.shard = s.id AND b.vanished_at IS NOT NULL) "
                "AND requests > (SELECT COUNT(*) FROM items i WHERE i.shard = s.id)) ORDER BY id"
            )
        ]
