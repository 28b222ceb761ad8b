"""Highest costs of requests that nobody knows any more, where their answers do not tell the cost.

Of a shard that was adopted only the sum is known. What is left of it when the bills of the other
answers are taken off is the most that the rest can have cost, and what the books count for it.
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
    """Let the answers of unknown cost count at equal shares of what is left of their shard's sum;
    gives how many, 0 where that cannot be: it is not known either, or they are no requests of the
    shard."""
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
