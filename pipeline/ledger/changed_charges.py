"""Rows of the table of charges that have changed since it was written.

Its rows are the answers in their order, and behind them what was charged beyond those: new answers
change its end alone. What else changes a row is noted for the table of captions (see
`changed_rows_schema`); the few tables that this leaves out are compared by a checksum.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from msgspec import Struct
from xxhash import xxh3_128

from pipeline.ledger.changed_rows import TOUCHED_WORKS
from pipeline.ledger.charges import BEHIND, RESERVED
from pipeline.ledger.database import Database

# answers that have a row: those of batches with a reservation
_SHOWN = f"FROM answers a JOIN batches b ON b.id = a.batch {RESERVED}"


class ChargesMark(Struct, frozen=True):
    """State of the ledger when a table of charges was written.

    Attributes:
        answer: id of the last answer when the marks of the table of captions began, so that changes
            of this one and all before it are noted.
        batch, reservation: ids of the last ones.
        open: ids of the reservations that were open.
        settled: checksum of all other reservations, of the batches and of the specs, hex.
    """

    answer: int
    batch: int
    reservation: int
    open: list[int]
    settled: str


class ChangedCharges(Struct, frozen=True):
    """Rows of a table of charges that may be others than when it was written.

    Attributes:
        answers: ids of those answers, up to the mark's.
        rests: ids of the reservations of which another sum may be charged beyond their answers.
    """

    answers: list[int]
    rests: list[int]


class ChargeChanges:
    """Marks of the table of charges, and what has changed since."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def mark(self) -> ChargesMark | None:
        """Mark of the ledger as it is; None where changes are not noted."""
        row = self._db.one("SELECT last_answer FROM table_marks")
        if row is None or row[0] is None:
            return None
        batch = self._db.number("SELECT COALESCE(MAX(id), 0) FROM batches")
        reservation = self._db.number("SELECT COALESCE(MAX(id), 0) FROM reservations")
        still_open = self._ids("SELECT id FROM reservations WHERE state = 'open' ORDER BY id")
        settled = self._settled(batch, reservation, still_open)
        return ChargesMark(int(str(row[0])), batch, reservation, still_open, settled)

    def works(self, answer: int) -> list[int]:
        """Works about which something has changed since the last table of captions, of those that
        have an answer up to `answer`."""
        return self._ids(
            f"SELECT DISTINCT work FROM answers WHERE work IN ({TOUCHED_WORKS}) AND id <= ?",
            (answer,),
        )

    def since(self, mark: ChargesMark, works: Sequence[int]) -> ChangedCharges | None:
        """Charges that have changed since a mark, those of `works` among them; None where that
        cannot be told."""
        if mark.settled != self._settled(mark.batch, mark.reservation, mark.open):
            return None
        if self._ids(f"SELECT a.id {_SHOWN} WHERE r.id > ? AND a.id <= ? LIMIT 1",
                     (mark.reservation, mark.answer)):  # fmt: skip
            return None
        chosen = json.dumps([*works])
        answers = self._ids(
            "SELECT id FROM answers WHERE work IN (SELECT value FROM json_each(?)) AND id <= ? "
            # the reservation says what an answer without a bill is charged
            f"UNION SELECT a.id {_SHOWN} WHERE b.id IN (SELECT b.id FROM batches b {RESERVED} "
            "WHERE r.id IN (SELECT value FROM json_each(?))) AND a.billed IS NULL AND a.id <= ?",
            (chosen, mark.answer, json.dumps(mark.open), mark.answer),
        )
        rests = self._ids(
            f"SELECT r.id FROM batches b {RESERVED} WHERE b.id IN ("
            "SELECT batch FROM answers WHERE id > ? "
            "UNION SELECT batch FROM answers WHERE id IN (SELECT value FROM json_each(?))) "
            "UNION SELECT id FROM reservations WHERE id > ?",
            (mark.answer, json.dumps(answers), mark.reservation),
        )
        return ChangedCharges(answers, sorted({*rests, *mark.open}))

    def any_behind(self, answer: int) -> bool:
        """Tell whether there are answers behind `answer`."""
        return bool(
            self._db.number("SELECT EXISTS (SELECT 1 FROM answers WHERE id > ?)", (answer,))
        )

    def starts(self, rows: Sequence[int], known: Mapping[int, int]) -> list[int]:
        """Id of the first answer in each row group.

        Args:
            rows: number of rows of each group.
            known: first answers of some groups by the number of rows before them.
        """
        starts, position = [0], 0
        for count in rows[:-1]:
            position += count
            starts.append(known.get(position) or self._behind(starts[-1], count))
        return starts

    def _behind(self, start: int, count: int) -> int:
        """Answer that is `count` rows behind `start`; `charges.BEHIND` where there are fewer."""
        sql = f"SELECT a.id {_SHOWN} WHERE a.id >= ? ORDER BY a.id LIMIT 1 OFFSET ?"
        return self._db.number(sql, (start, count)) or BEHIND

    def _settled(self, batch: int, reservation: int, left_out: Sequence[int]) -> str:
        digest = xxh3_128()
        for sql, values in (
            ("SELECT id, batch_id, shard, generation, role FROM batches WHERE id <= ?", (batch,)),
            ("SELECT r.id, r.shard, r.generation, r.reserved, r.settled, r.state, r.closed_at, "
             "s.model, s.spec, s.price_version FROM reservations r JOIN shards s ON s.id = r.shard "
             "WHERE r.id <= ? AND r.id NOT IN (SELECT value FROM json_each(?)) ORDER BY r.id",
             (reservation, json.dumps([*left_out]))),
            ("SELECT id, spec_id, canonical, provider, account, model FROM specs ORDER BY id", ()),
        ):  # fmt: skip
            for row in self._db.execute(sql, values):
                digest.update(repr(row).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def _ids(self, sql: str, values: Sequence[object] = ()) -> list[int]:
        return [int(row) for (row,) in self._db.execute(sql, tuple(values))]
