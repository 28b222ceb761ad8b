"""Rows of the table of charges, one an answer; `core.charges` documents the columns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from pipeline.ledger.batches import BOOKED_AS
from pipeline.ledger.database import Database
from pipeline.ledger.places import shown_path

RESERVED = f"JOIN reservations r ON r.shard = b.shard AND r.generation = {BOOKED_AS}"
"""Reservation r of the batch b."""

CHARGED = "CASE WHEN r.settled IS NOT NULL THEN COALESCE(a.billed, i.worst) ELSE a.billed END"
"""Cost in the books of the answer a of the item i: its bill, or its highest cost when no bill is
known. Of a free or unpriced batch nothing is in the books."""

_IMAGE = """(SELECT %s FROM images g JOIN folders f ON f.id = g.folder
    JOIN sources s ON s.id = f.source WHERE g.id = w.representative)"""

_ANSWERS: dict[str, str] = {
    "batch_id": "b.batch_id",
    "outcome": "a.outcome",
    "caption": "a.caption",
    "reason_code": "NULLIF(a.code, '')",
    "source": _IMAGE % "s.label",
    "path": _IMAGE % shown_path("f", "g"),
    "in_table": "COALESCE(w.answer = a.id, 0) AND EXISTS "
    "(SELECT 1 FROM images g WHERE g.work = w.id)",
    "content_id": "NULLIF(lower(hex(c.content_id)), '')",
    "work_key": "lower(hex(w.work_key))",
    "attempt": "a.attempt",
    "provider": "p.provider",
    "account": "p.account",
    "model": "p.model",
    "served_model": "a.served_model",
    "spec_id": "NULLIF(lower(hex(p.spec_id)), '')",
    "prompt": "t.prompt",
    "prompt_tokens": "a.prompt_tokens",
    "cached_tokens": "a.cached_tokens",
    "cache_write_tokens": "a.cache_write_tokens",
    "completion_tokens": "a.completion_tokens",
    "reasoning_tokens": "a.reasoning_tokens",
    "billed_cost": "a.billed",
    "charged_cost": CHARGED,
    "service_cost": "a.service_cost",
    "price_version": "a.price_version",
    "request_id": "a.request_id",
    "received_at": "a.received_at",
}

# What a reservation was charged beyond its answers: nobody knows what its batch held, or what that
# cost. It may have no batch at all: its create call was lost, and then written off.
_REST: dict[str, str] = {
    "batch_id": "c.batch_id",
    "outcome": "'lost'",
    "in_table": "0",
    "provider": "p.provider",
    "account": "p.account",
    "model": "s.model",
    "spec_id": "NULLIF(lower(hex(p.spec_id)), '')",
    "prompt": "t.prompt",
    "charged_cost": "COALESCE(r.settled, r.reserved) - COALESCE(c.charged, 0)",
    "price_version": "s.price_version",
    "received_at": "r.closed_at",
}

COLUMNS: tuple[str, ...] = tuple(_ANSWERS)
BEHIND = 1 << 62
"""Id that is greater than any answer's."""

_TEXTS = """texts AS MATERIALIZED (
    SELECT id, json_extract(canonical, '$.template') AS prompt FROM specs
)"""

_OF_ANSWERS = f"""
WITH {_TEXTS}
SELECT {", ".join(_ANSWERS.values())} FROM answers a
JOIN batches b ON b.id = a.batch {RESERVED}
LEFT JOIN items i ON i.shard = b.shard AND i.work = a.work
JOIN works w ON w.id = a.work LEFT JOIN contents c ON c.id = w.content
LEFT JOIN specs p ON p.id = w.spec LEFT JOIN texts t ON t.id = w.spec
WHERE a.id >= ? AND a.id < ? ORDER BY a.id
"""

_RESTS = f"""
WITH {_TEXTS}, booked AS MATERIALIZED (
    SELECT r.id AS reservation, MAX(b.batch_id) AS batch_id, SUM({CHARGED}) AS charged
    FROM batches b {RESERVED}
    -- that index, else one over all answers is made for the query
    LEFT JOIN answers a INDEXED BY sqlite_autoindex_answers_1 ON a.batch = b.id
    LEFT JOIN items i ON i.shard = b.shard AND i.work = a.work %s GROUP BY r.id
)
SELECT r.id, {", ".join(_REST.get(name, "NULL") for name in COLUMNS)} FROM reservations r
JOIN shards s ON s.id = r.shard LEFT JOIN booked c ON c.reservation = r.id
LEFT JOIN specs p ON p.id = s.spec LEFT JOIN texts t ON t.id = s.spec
WHERE r.state = 'settled' AND (r.settled <> COALESCE(c.charged, 0)
OR (r.settled IS NULL AND r.reserved > COALESCE(c.charged, 0))) %s ORDER BY r.id
"""
FORM = _OF_ANSWERS + _RESTS
"""SQL of all rows: another version of the program that makes them otherwise has another one."""
_AMONG = "r.id IN (SELECT value FROM json_each(?))"


class Charges:
    """Rows of the table of charges, read from the answers and from what was written off."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def table(self, size: int = 20_000) -> Iterator[list[tuple[object, ...]]]:
        """Page through all charges in the order of settling, `size` rows each, as `COLUMNS`."""
        yield from self.of_answers(0, BEHIND, size)
        if rests := self.rests():
            yield list(rests.values())

    def of_answers(
        self, start: int, stop: int, size: int = 20_000
    ) -> Iterator[list[tuple[object, ...]]]:
        """Page through the charges of the answers from one id on and before another one."""
        cursor = self._db.execute(_OF_ANSWERS, (start, stop))
        while page := cursor.fetchmany(size):
            yield page

    def rests(self, among: Sequence[int] | None = None) -> dict[int, tuple[object, ...]]:
        """Rows of what was charged beyond the answers, by their reservations: of all, or of some
        of them."""
        if among is None:
            rows = self._db.execute(_RESTS % ("", ""))
        else:
            chosen = json.dumps(list(among))
            rows = self._db.execute(_RESTS % (f"WHERE {_AMONG}", f"AND {_AMONG}"), (chosen, chosen))
        return {reservation: tuple(row) for reservation, *row in rows}
