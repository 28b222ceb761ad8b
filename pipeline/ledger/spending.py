"""Charges summed by group in SQL; their sum is what the reservations were settled with."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.core.spending import BY_COLUMN, Savings, SentSmaller, Spend
from pipeline.ledger.charges import CHARGED, RESERVED
from pipeline.ledger.database import Database

_NOT_KNOWN = ("''", "''")
_SPEC = "FROM specs p WHERE p.id = s.spec"
_RUN_NOTE = """(SELECT u.command || ' ' || strftime('%Y-%m-%d %H:%M', u.started_at, 'unixepoch')
    FROM runs u WHERE u.id = r.run)"""
_FOLDER = """(SELECT o.label || CASE f.path WHEN '' THEN '' ELSE '/' || f.path END
    FROM images g JOIN folders f ON f.id = g.folder JOIN sources o ON o.id = f.source
    WHERE g.id = w.representative)"""
_COLUMN = """(SELECT e.value FROM images g JOIN json_each(g.columns) e
    WHERE g.id = w.representative AND e.key = ?)"""

# grouping -> (group, note) of the reservation r and its shard s
_OF_BATCH = {
    "day": ("r.day", "''"),
    "month": ("r.month", "''"),
    "run": ("CAST(r.run AS TEXT)", _RUN_NOTE),
    "model": ("s.model", "''"),
    "prompt": (
        f"(SELECT lower(hex(p.spec_id)) {_SPEC})",
        f"(SELECT json_extract(p.canonical, '$.template') {_SPEC})",
    ),
}
# grouping -> (group, note) of the work w of one answer
_OF_ANSWER = {"folder": (_FOLDER, "''")}

# in the order of `Spend`
_SUMS = f"""COUNT(*), COALESCE(SUM(i.estimated), 0), COUNT(i.estimated),
    COALESCE(SUM({CHARGED}), 0), COALESCE(SUM(a.service_cost), 0), COUNT(a.service_cost),
    COALESCE(SUM(a.prompt_tokens), 0), COALESCE(SUM(a.cached_tokens), 0),
    COALESCE(SUM(a.completion_tokens), 0), COALESCE(SUM(a.reasoning_tokens), 0)"""
_ANSWERS = f"""
SELECT COALESCE(%s, ''), COALESCE(%s, ''), {_SUMS}
FROM answers a JOIN batches b ON b.id = a.batch {RESERVED} JOIN shards s ON s.id = r.shard
LEFT JOIN items i ON i.shard = b.shard AND i.work = a.work JOIN works w ON w.id = a.work
WHERE r.state = 'settled' GROUP BY 1
"""
# what a reservation was settled with beyond its answers: a batch that was written off, or tokens
# that its lines do not explain; what was settled without a price counts as it was reserved
_REST = f"""
SELECT COALESCE(%s, ''), COALESCE(%s, ''), 0, 0, 0,
    SUM(COALESCE(r.settled, r.reserved, 0) - COALESCE(c.charged, 0)), 0, 0, 0, 0, 0, 0
FROM reservations r JOIN shards s ON s.id = r.shard LEFT JOIN (
    SELECT r.id AS reservation, SUM({CHARGED}) AS charged
    FROM answers a JOIN batches b ON b.id = a.batch {RESERVED}
    LEFT JOIN items i ON i.shard = b.shard AND i.work = a.work GROUP BY r.id
) c ON c.reservation = r.id
WHERE r.state = 'settled' AND COALESCE(r.settled, r.reserved, 0) <> COALESCE(c.charged, 0)
GROUP BY 1
"""
_SAVINGS = """
SELECT COALESCE(SUM(g.further), 0), COALESCE(SUM(g.further * first.billed), 0) FROM (
    SELECT work, COUNT(*) - 1 AS further FROM images
    WHERE work IS NOT NULL AND present = 1 AND near_of IS NULL GROUP BY work HAVING further > 0
) g JOIN answers first ON first.id = (
    SELECT a.id FROM answers a WHERE a.work = g.work ORDER BY a.attempt, a.id LIMIT 1)
WHERE first.billed IS NOT NULL
"""
_KNOWN = f"""
SELECT COUNT(*), COALESCE(SUM(a.billed), 0) FROM (
    SELECT DISTINCT work FROM images
    WHERE work IS NOT NULL AND present = 1 AND near_of IS NULL
) g JOIN answers a ON a.id = (
    SELECT i.id FROM answers i WHERE i.work = g.work ORDER BY i.attempt, i.id LIMIT 1)
JOIN batches b ON b.id = a.batch {RESERVED}
WHERE a.billed IS NOT NULL
    AND r.run < (SELECT MAX(id) FROM runs WHERE command IN ('run', 'write'))
"""
_SMALLER = """
SELECT COUNT(*), s.model, json_extract(p.canonical, '$.request.detail'), COALESCE(s.prices, ''),
    o.width, o.height, c.width, c.height
FROM answers a JOIN batches b ON b.id = a.batch JOIN shards s ON s.id = b.shard
JOIN specs p ON p.id = s.spec JOIN works w ON w.id = a.work
JOIN images g ON g.id = w.representative JOIN originals o ON o.id = g.original
JOIN contents c ON c.id = w.content
WHERE a.billed IS NOT NULL AND o.width * o.height > c.width * c.height AND c.width > 0
GROUP BY s.model, 3, 4, 5, 6, 7, 8
"""


class SpendingRows:
    """Sums of money and tokens by one grouping, read from answers and reservations."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def sums_by(self, grouping: str) -> Iterator[Spend]:
        """Sums of a grouping of `core.spending`; a group may come twice."""
        column = grouping.removeprefix(BY_COLUMN) if grouping.startswith(BY_COLUMN) else None
        of_answer = (_COLUMN, "''") if column is not None else _OF_ANSWER.get(grouping)
        of_batch = _OF_BATCH.get(grouping, _NOT_KNOWN)
        sql = f"{_ANSWERS % (of_answer or of_batch)} UNION ALL {_REST % of_batch}"
        for row in self._db.execute(sql, () if column is None else (column,)):
            yield Spend(*row)

    def savings(self) -> Savings:
        """Cost that present duplicates and known images did not have; near-duplicates would have
        cost otherwise."""
        rows = (self._db.one(_SAVINGS) or (0, 0), self._db.one(_KNOWN) or (0, 0))
        return Savings(*(int(value) for row in rows for value in row))  # type: ignore[call-overload]

    def sent_smaller(self) -> Iterator[SentSmaller]:
        """Answered requests whose images were sent smaller than they are, by model and sizes."""
        for requests, model, detail, prices, *sides in self._db.execute(_SMALLER):
            yield SentSmaller(
                requests, model, detail, prices, (sides[0], sides[1]), (sides[2], sides[3])
            )
