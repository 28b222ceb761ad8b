"""Contradictions of the ledger in itself, in SQL: what must not be, and how it is counted."""

from __future__ import annotations

from pipeline.core.outcomes import PAID_OUTCOMES
from pipeline.core.reading_rules import CURRENT
from pipeline.ledger.batches import BOOKED_AS
from pipeline.ledger.database import sql_list

POSSIBLE = f"a.attempt BETWEEN 1 AND 999999 AND COALESCE(a.rules, 1) BETWEEN 1 AND {CURRENT}"
"""Condition of an answer a whose attempt and rules of reading can be."""

# A line of unknown cost counts at what was reserved for it; where nothing was, so does the batch.
UNBALANCED = f"""
SELECT b.batch_id, r.settled, b.beyond + COALESCE(SUM(COALESCE(a.billed, i.worst)), 0)
FROM reservations r
JOIN batches b ON b.shard = r.shard
    AND r.generation = {BOOKED_AS}
LEFT JOIN answers a ON a.batch = b.id
LEFT JOIN items i ON i.shard = b.shard AND i.work = a.work
WHERE r.state = 'settled' AND r.settled IS NOT NULL
GROUP BY r.id HAVING r.settled <> b.beyond + COALESCE(SUM(COALESCE(a.billed, i.worst)), 0)
"""

# of shards that this ledger made and whose requests are all in it still
_WHOLE_SHARDS = """
FROM shards s JOIN items i ON i.shard = s.id WHERE s.spec IS NOT NULL AND s.state <> 'DISSOLVED'
GROUP BY s.id HAVING COUNT(*) = s.requests AND COUNT(i.worst) = COUNT(*)
"""

CONTRADICTIONS: tuple[tuple[str, str], ...] = (
    (
        "images under way that are in no shard",
        "SELECT COUNT(*) FROM works w WHERE w.state = 'live' AND NOT EXISTS "
        "(SELECT 1 FROM items i WHERE i.work = w.id AND i.live = 1)",
    ),
    (
        "requests in a shard whose images are not under way",
        "SELECT COUNT(*) FROM items i JOIN works w ON w.id = i.work "
        "WHERE i.live = 1 AND w.state = 'pending'",
    ),
    (
        "outcomes without an answer",
        "SELECT COUNT(*) FROM works w LEFT JOIN answers a ON a.id = w.answer "
        "WHERE w.outcome IS NOT NULL AND (a.id IS NULL OR a.outcome <> w.outcome)",
    ),
    (
        "shards at the service without a batch",
        "SELECT COUNT(*) FROM shards s WHERE s.state IN ('SUBMITTED', 'DOWNLOADED') "
        "AND NOT EXISTS (SELECT 1 FROM batches b WHERE b.shard = s.id)",
    ),
    (
        "batches without a reservation",
        "SELECT COUNT(*) FROM batches b WHERE NOT EXISTS (SELECT 1 FROM reservations r "
        f"WHERE r.shard = b.shard AND r.generation = {BOOKED_AS})",
    ),
    (
        "settled batches whose reservations are still open",
        "SELECT COUNT(*) FROM batches b JOIN reservations r ON r.shard = b.shard AND "
        f"r.generation = {BOOKED_AS} "
        "WHERE b.state = 'settled' AND r.state = 'open'",
    ),
    (
        "settled shards whose requests are still under way",
        "SELECT COUNT(*) FROM shards s JOIN items i ON i.shard = s.id "
        "WHERE s.state = 'SETTLED' AND i.live = 1",
    ),
    (
        "open reservations of another amount than their shards may cost",
        "SELECT COUNT(*) FROM reservations r JOIN shards s ON s.id = r.shard "
        "WHERE r.state = 'open' AND r.reserved <> s.worst AND s.state <> 'WRITTEN' "
        # of a file that comes back in parts, the rest alone is reserved
        "AND NOT EXISTS (SELECT 1 FROM batches b WHERE b.shard = s.id AND b.role = 'file')",
    ),
    (
        "reservations that count to another day or month than theirs",
        "SELECT COUNT(*) FROM reservations WHERE month <> substr(day, 1, 7) "
        "OR day <> date(made_at, 'unixepoch')",
    ),
    (
        "images with fewer attempts than their answers",
        "SELECT COUNT(*) FROM works w WHERE w.attempts < (SELECT MAX(a.attempt) FROM answers a "
        f"WHERE a.work = w.id AND a.outcome IN ({sql_list(PAID_OUTCOMES)}))",
    ),
    (
        "answers with an attempt or rules of reading that cannot be",
        f"SELECT COUNT(*) FROM answers a WHERE NOT ({POSSIBLE})",
    ),
    (
        "shards whose requests are of another spec",
        "SELECT COUNT(*) FROM items i JOIN shards s ON s.id = i.shard JOIN works w "
        "ON w.id = i.work WHERE s.spec <> w.spec",
    ),
    (
        "shards that cost another amount than their requests",
        f"SELECT COUNT(*) FROM (SELECT 1 {_WHOLE_SHARDS} AND s.worst <> SUM(i.worst))",
    ),
    (
        "shards with another number of tokens than their requests",
        f"SELECT COUNT(*) FROM (SELECT 1 {_WHOLE_SHARDS} "
        "AND s.prompt_tokens <> SUM(i.prompt_tokens))",
    ),
    (
        "images that show the answer to another image",
        "SELECT COUNT(*) FROM works w JOIN answers a ON a.id = w.answer WHERE a.work <> w.id",
    ),
    (
        "images that show another reason than their answers",
        "SELECT COUNT(*) FROM works w JOIN answers a ON a.id = w.answer WHERE w.reason <> a.reason",
    ),
    (
        "images whose estimate is not that of their request",
        "SELECT COUNT(*) FROM works w JOIN items i ON i.work = w.id AND i.attempt = w.attempts "
        "WHERE w.state = 'done' AND i.estimated IS NOT NULL AND w.estimated IS NOT i.estimated",
    ),
    (
        "images with more attempts than their requests",
        "SELECT COUNT(*) FROM works w WHERE w.attempts > "
        "(SELECT MAX(i.attempt) FROM items i WHERE i.work = w.id)",
    ),
    (
        "images whose likeness is not the one that was sent",
        "SELECT COUNT(*) FROM images i JOIN works w ON w.id = i.work "
        "WHERE i.near_of IS NOT NULL AND i.todo = 0 AND w.content <> i.near_of",
    ),
    (
        "images that are done without an outcome",
        "SELECT COUNT(*) FROM works WHERE state = 'done' AND outcome IS NULL",
    ),
    (
        "images whose pictures are not those of their requests",
        "SELECT COUNT(*) FROM images i JOIN works w ON w.id = i.work "
        "WHERE i.near_of IS NULL AND i.todo = 0 AND w.content <> i.content AND NOT EXISTS "
        "(SELECT 1 FROM rechecks r WHERE r.original = i.original)",
    ),
)
