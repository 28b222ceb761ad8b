"""Lines that a batch was made for, read once for its shard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pipeline.core.identity import custom_ids
from pipeline.ledger.batches import Batch
from pipeline.ledger.database import Database
from pipeline.ledger.shards import Shard
from pipeline.records import Nano

SHOWN_ATTEMPT = "COALESCE((SELECT s.attempt FROM answers s WHERE s.id = w.answer), 0)"
"""Attempt of the answer that the work w shows, 0 for none."""

_AWAITED = """i.live = 1
AND NOT EXISTS (SELECT 1 FROM answers a WHERE a.batch = ? AND a.work = i.work)"""
_STATE = f"""
SELECT w.state, w.outcome, {SHOWN_ATTEMPT}, w.attempts, {_AWAITED}
FROM items i JOIN works w ON w.id = i.work WHERE i.id = ?
"""
_ANY = "SELECT EXISTS (SELECT 1 FROM answers WHERE batch = ?)"
_PAGE = 5_000


class PlannedLine(NamedTuple):
    """Line of a shard: its work as it is, its item, and what was reserved.

    Attributes:
        shown, shown_attempt: outcome of the answer that the work shows, None for none, and its
            attempt.
        awaited: its item is live, and this batch has not answered it yet.
    """

    key: bytes
    attempt: int
    work: int
    item: int
    max_cost: Nano | None
    prompt_tokens: int
    state: str
    shown: str | None
    shown_attempt: int
    attempts: int
    awaited: int


PlannedRow = tuple[bytes, int, int, int, Nano | None, int, int]
"""What is the same for as long as a batch is settled: key, attempt, work, item, max_cost and
prompt_tokens of a `PlannedLine`; then whether it was awaited, and its work showed nothing."""


class Planned:
    """Lines of a shard by custom_id.

    Attributes:
        rows: plain, as the collector of cycles walks through named tuples again and again, which
            took a tenth of settling.
    """

    def __init__(self, database: Database, batch: int, rows: Mapping[str, PlannedRow]) -> None:
        self.rows = rows
        self._db, self._batch = database, batch

    def line(self, name: str) -> PlannedLine | None:
        """Line of an id as it is now, None for one that the shard does not have."""
        row = self.rows.get(name)
        if row is None:
            return None
        state = self._db.one(_STATE, (self._batch, row[3]))
        assert state is not None
        return PlannedLine._make((*row[:6], *state))


def planned_lines(database: Database, shard: Shard, batch: Batch) -> Planned:
    """Read the lines of a shard, as this batch finds them."""
    # mostly it has answered none, and then nobody need look for each of them
    any_answers = database.number(_ANY, (batch.row,))
    awaited, answered = (_AWAITED, [batch.row]) if any_answers else ("i.live = 1", [])
    cursor = database.execute(
        "SELECT w.work_key, i.attempt, w.id, i.id, i.worst, i.prompt_tokens, "
        f"w.outcome IS NULL AND ({awaited}) "
        "FROM items i JOIN works w ON w.id = i.work WHERE i.shard = ? ORDER BY i.work",
        (*answered, shard.row),
    )
    planned: dict[str, PlannedRow] = {}
    while page := cursor.fetchmany(_PAGE):
        names = custom_ids([row[0] for row in page], [row[1] for row in page])
        planned.update(zip(names, page, strict=True))
    return Planned(database, batch.row, planned)
