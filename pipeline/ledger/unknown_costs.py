"""Highest costs of an adopted batch's requests, for answers that tell no cost of their own.

Of the shard of an adopted batch only the sum of the highest costs is known, not each request's.
What is left of the sum without what the other answers cost is the most that those without a bill
can have cost together, and that is what the books count for them.
"""

from __future__ import annotations

from pipeline.ledger.batches import Batch
from pipeline.ledger.database import Database
from pipeline.ledger.shards import Shard

_UNKNOWN = """
SELECT y.id FROM answers a LEFT JOIN items y ON y.shard = ? AND y.work = a.work
AND y.attempt = a.attempt WHERE a.batch = ? AND COALESCE(a.billed, y.worst) IS NULL ORDER BY y.id
"""
_KNOWN = """
SELECT SUM(COALESCE(a.billed, y.worst)) FROM answers a LEFT JOIN items y ON y.shard = ?
AND y.work = a.work AND y.attempt = a.attempt WHERE a.batch = ?
"""


def share_out(database: Database, shard: Shard, batch: Batch) -> int:
    """Give each request whose answer has no known cost an equal share of what is left of its
    shard's sum as highest cost; gives their number. It is 0, and nothing is changed, where the sum
    is not known either or an answer belongs to no request of the shard."""
    place = (shard.row, batch.row)
    items = [row for (row,) in database.execute(_UNKNOWN, place).fetchall()]
    left = (shard.max_cost or 0) - database.number(_KNOWN, place)
    if not items or None in items or left <= 0:
        return 0
    share, over = divmod(left, len(items))
    database.executemany(
        "UPDATE items SET worst = ? WHERE id = ?",
        [(share + (n < over), item) for n, item in enumerate(items)],
    )
    return len(items)
