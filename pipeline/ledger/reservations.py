"""Reservations and exposure: the budget promise, kept inside one transaction.

The exposure of a scope is what its settled batches were charged and what is still reserved. Every
POST that may cost money has a reservation row of its own, made before it; a doubtful one stays
open.
"""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import Struct

from pipeline.core.budget import BudgetCaps, Exposure, fits
from pipeline.core.budget_words import shortage, unknown_price
from pipeline.errors import BooksError, OverBudget
from pipeline.ledger.database import Database
from pipeline.ledger.seals import seal_reservations
from pipeline.records import Nano

# What was settled without a known price still counts at its reservation.
_EXPOSED = """SUM(CASE state WHEN 'open' THEN reserved
    WHEN 'settled' THEN COALESCE(settled, reserved) ELSE 0 END)"""


class Scope(Struct, frozen=True):
    """Scopes of a reservation: the run, and the UTC day and month it was made in."""

    run: int
    now: int

    @property
    def day(self) -> str:
        """UTC day as YYYY-MM-DD."""
        return datetime.fromtimestamp(self.now, UTC).strftime("%Y-%m-%d")

    @property
    def month(self) -> str:
        """UTC month as YYYY-MM."""
        return self.day[:7]


class Totals(Struct, frozen=True):
    """Sums over all reservations, nano-dollars; `unpriced` counts those charged without a price."""

    reserved: Nano
    charged: Nano
    unpriced: int


class Reservations:
    """Rows of the `reservations` table."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def exposure(self, scope: Scope) -> Exposure:
        """Charged plus reserved in each scope at this moment."""

        def exposed(where: str, *values: object) -> Nano:
            return self._db.number(f"SELECT {_EXPOSED} FROM reservations WHERE {where}", values)

        return Exposure(
            run=exposed("run = ?", scope.run),
            day=exposed("day = ?", scope.day),
            month=exposed("month = ?", scope.month),
            lifetime=exposed("1"),
        )

    def reserve(
        self, shard: int, generation: int, max_cost: Nano | None, caps: BudgetCaps, scope: Scope
    ) -> None:
        """Set `max_cost` aside for one create call, or refuse.

        Raises:
            OverBudget: the cap would be passed, or the price is unknown under a budget.
        """
        with self._db.transaction("reserve"):
            exposure = self.exposure(scope)
            if max_cost is None and caps.any:
                raise OverBudget(unknown_price())
            if not fits(max_cost, caps, exposure):
                raise OverBudget(shortage(caps, exposure, max_cost or 0, "the next batch"))
            self._insert(shard, generation, max_cost, scope)

    def record_unasked(
        self, shard: int, generation: int, max_cost: Nano | None, scope: Scope
    ) -> None:
        """Reserve for what already exists at the service (an adopted or second batch).

        No cap is asked: the money is at risk whether we like it or not, and booking it is what
        stops further submission. A reservation that was released too early is open again.
        """
        if not self._row(shard, generation):
            self._insert(shard, generation, max_cost, scope)
        self._db.execute(
            "UPDATE reservations SET state = 'open', closed_at = NULL, seal = NULL "
            "WHERE shard = ? AND generation = ? AND state = 'released'",
            (shard, generation),
        )

    def settle(self, shard: int, generation: int, charged: Nano | None, now: int) -> None:
        """Close a reservation with what the books charge for it; the rest is free again. What
        cost nobody knows (None) counts as all that was reserved.

        Raises:
            BooksError: there is no reservation, or it is settled already.
        """
        changed = self._db.execute(
            "UPDATE reservations SET state = 'settled', settled = ?, closed_at = ? "
            "WHERE shard = ? AND generation = ? AND state <> 'settled'",
            (charged, now, shard, generation),
        ).rowcount
        if changed != 1:
            raise BooksError(f"shard {shard} generation {generation} cannot be settled again")

    def release(self, shard: int, generation: int, now: int) -> None:
        """Free a reservation whose create call certainly had no effect."""
        self._db.execute(
            "UPDATE reservations SET state = 'released', closed_at = ? "
            "WHERE shard = ? AND generation = ? AND state = 'open'",
            (now, shard, generation),
        )
        seal_reservations(self._db, shard)

    def anything_sent(self) -> bool:
        """Tell whether anything was ever sent, or may have been, that costs money."""
        return bool(
            self._db.number(
                "SELECT EXISTS (SELECT 1 FROM reservations WHERE state <> 'released') "
                "OR EXISTS (SELECT 1 FROM batches)"
            )
        )

    def totals(self) -> Totals:
        """Sums over all reservations."""
        row = self._db.one(
            "SELECT SUM(CASE state WHEN 'open' THEN reserved END), "
            "SUM(CASE state WHEN 'settled' THEN COALESCE(settled, reserved) END), "
            "SUM(state = 'settled' AND settled IS NULL) FROM reservations"
        )
        reserved, charged, unpriced = row or (0, 0, 0)
        return Totals(_int(reserved), _int(charged), _int(unpriced))

    def run_charges(self, run: int) -> tuple[Nano, Nano]:
        """(charged, still reserved) nano-dollars of the reservations a run made."""
        row = self._db.one(
            "SELECT SUM(CASE state WHEN 'settled' THEN COALESCE(settled, reserved) END), "
            "SUM(CASE state WHEN 'open' THEN reserved END) FROM reservations WHERE run = ?",
            (run,),
        )
        charged, reserved = row or (0, 0)
        return _int(charged), _int(reserved)

    def _row(self, shard: int, generation: int) -> bool:
        return bool(
            self._db.one(
                "SELECT 1 FROM reservations WHERE shard = ? AND generation = ?",
                (shard, generation),
            )
        )

    def _insert(self, shard: int, generation: int, max_cost: Nano | None, scope: Scope) -> None:
        self._db.insert(
            "INSERT INTO reservations (shard, generation, run, day, month, reserved, state, "
            "made_at) VALUES (?, ?, ?, ?, ?, ?, 'open', ?)",
            (shard, generation, scope.run, scope.day, scope.month, max_cost, scope.now),
        )


def _int(value: object) -> int:
    return 0 if value is None else int(value)  # type: ignore[call-overload]
