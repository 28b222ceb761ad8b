"""Lines that a batch was made for, read once for its shard."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from operator import gt
from typing import Any, NamedTuple

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
_PAGE = 2_000  # as many tuples as the interpreter keeps for the next page


class PlannedLine(NamedTuple):
    """Line of a shard: its work as it is, its item, and what was reserved.

    Attributes:
        shown, shown_attempt: outcome of the answer that the work shows, None for none, and its
            attempt.
        awaited: its item is live, and this batch has not answered it yet.
    """

    work: int
    item: int
    max_cost: Nano | None
    prompt_tokens: int
    state: str
    shown: str | None
    shown_attempt: int
    attempts: int
    awaited: int


class Planned:
    """Lines of a shard by columns, in the order of their works, as a batch found them.

    Columns, as an object for each line lies somewhere else in memory: lines of an answer file come
    in no order, and what is asked for each of them must be near.

    Attributes:
        positions: of the lines in the columns, by custom_id.
        works: ascending.
        usual: 1 for a line that was awaited and whose work showed nothing.
    """

    def __init__(self, database: Database, batch: int) -> None:
        self.positions: dict[str, int] = {}
        self.attempts: list[int] = []
        self.works = array("q")
        self.items: list[int] = []
        self.max_costs: list[Nano | None] = []
        self.estimated: list[Nano | None] = []
        self.prompt_tokens: list[int] = []
        self.usual = bytearray()
        self._db, self._batch = database, batch
        self._values: dict[Any, Any] = {}  # of costs and tokens: each is there once

    def __len__(self) -> int:
        return len(self.works)

    def add(self, page: Sequence[tuple[Any, ...]]) -> None:
        """Add lines: key, and then the columns as they stand above."""
        keys, attempts, works, items, max_costs, costs, tokens, usual = zip(*page, strict=True)
        places = range(len(self), len(self) + len(keys))
        self.positions.update(zip(custom_ids(keys, attempts), places, strict=True))
        each_once = self._values.setdefault
        self.attempts += attempts
        self.works.extend(works)
        self.items += items
        self.max_costs += map(each_once, max_costs, max_costs)
        self.estimated += costs
        self.prompt_tokens += map(each_once, tokens, tokens)
        self.usual += bytes(usual)

    def position_of(self, work: int) -> int | None:
        """Position of the line for a work, None for one that the shard does not have."""
        position = bisect_left(self.works, work)
        return position if self.works[position : position + 1] == array("q", [work]) else None

    def sealed_items(self) -> Iterator[tuple[object, ...]] | None:
        """Cells of `seals.ITEMS` of each item, as they follow each other; None where their order is
        not that of the works."""
        if any(map(gt, self.items, self.items[1:])):
            return None
        columns = (self.works, self.attempts, self.max_costs, self.estimated, self.prompt_tokens)
        return zip(*columns, strict=True)

    def line(self, position: int) -> PlannedLine:
        """Line as it is now."""
        state = self._db.one(_STATE, (self._batch, self.items[position]))
        assert state is not None
        return PlannedLine(
            self.works[position], self.items[position], self.max_costs[position],
            self.prompt_tokens[position], *state,  # type: ignore[arg-type]
        )  # fmt: skip


def planned_lines(database: Database, shard: Shard, batch: Batch) -> Planned:
    """Read the lines of a shard, as this batch finds them."""
    # mostly it has answered none, and then nobody need look for each of them
    any_answers = database.number(_ANY, (batch.row,))
    awaited, answered = (_AWAITED, [batch.row]) if any_answers else ("i.live = 1", [])
    cursor = database.execute(
        "SELECT w.work_key, i.attempt, w.id, i.id, i.worst, i.estimated, i.prompt_tokens, "
        f"w.outcome IS NULL AND ({awaited}) "
        "FROM items i JOIN works w ON w.id = i.work WHERE i.shard = ? ORDER BY i.work",
        (*answered, shard.row),
    )
    planned = Planned(database, batch.row)
    while page := cursor.fetchmany(_PAGE):
        planned.add(page)
    return planned
