"""Lines that a batch was made for, read once for its shard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
    state: str
    shown: str | None
    shown_attempt: int
    attempts: int
    item: int
    max_cost: Nano | None
    prompt_tokens: int
    awaited: int


PlannedRow = tuple[bytes, int, int, str, str | None, int, int, int, Nano | None, int, int]
"""The same as a plain row, in the order of its names."""


class Planned(Mapping[str, PlannedLine]):
    """Lines of a shard by custom_id, kept as plain rows: the collector of cycles walks through
    named tuples again and again, which took a tenth of settling.

    Attributes:
        rows: by custom_id.
    """

    def __init__(self, rows: Mapping[str, PlannedRow]) -> None:
        self.rows = rows

    def __getitem__(self, name: str) -> PlannedLine:
        return PlannedLine._make(self.rows[name])

    def line(self, name: str) -> PlannedLine | None:
        """Line of an id, None for one that the shard does not have."""
        row = self.rows.get(name)
        return None if row is None else PlannedLine._make(row)

    def __contains__(self, name: object) -> bool:
        return name in self.rows

    def __iter__(self) -> Iterator[str]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


def planned_lines(database: Database, shard: Shard, batch: Batch) -> Planned:
    """Read the lines of a shard, as this batch finds them."""
    # mostly it has answered none, and then nobody need look for each of them
    awaited = _AWAITED if database.number(_ANY, (batch.row,)) else "i.live = 1 OR ? IS NULL"
    cursor = database.execute(
        f"SELECT w.work_key, i.attempt, w.id, w.state, w.outcome, "
        f"CASE WHEN w.answer IS NULL THEN 0 ELSE {SHOWN_ATTEMPT} END, "
        f"w.attempts, i.id, i.worst, i.prompt_tokens, {awaited} "
        "FROM items i JOIN works w ON w.id = i.work WHERE i.shard = ? ORDER BY i.id",
        (batch.row, shard.row),
    )
    planned: dict[str, PlannedRow] = {}
    while page := cursor.fetchmany(_PAGE):
        names = custom_ids([row[0] for row in page], [row[1] for row in page])
        planned.update(zip(names, page, strict=True))
    return Planned(planned)
