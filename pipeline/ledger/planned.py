"""Lines that a batch was made for, read once for its shard."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from operator import gt
from typing import Any, NamedTuple

from pipeline.core.id_positions import IdPositions
from pipeline.core.identity import WorkAttempt, custom_ids
from pipeline.ledger.batches import Batch
from pipeline.ledger.database import Database
from pipeline.ledger.seals import sealed_words
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
# sorted as a whole before the first is there, as its reader writes into both tables
_BY_KEY = """
SELECT w.id, w.work_key, i.attempt FROM items i CROSS JOIN works w ON w.id = i.work
WHERE i.shard = ? ORDER BY w.work_key
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


class SharedCells(NamedTuple):
    """Cells of some lines that many lines share, by columns: their attempts, what was reserved for
    them, and what their prompts were counted at."""

    attempts: list[int]
    max_costs: list[Nano | None]
    prompt_tokens: list[int]


class Planned:
    """Lines of a shard by columns, in the order of their works, as a batch found them.

    Columns, as an object for each line lies somewhere else in memory: lines of an answer file come
    in no order, and what is asked for each of them must be near. A line takes 25 bytes, and 16 more
    where rows of works and items do not follow each other.

    Attributes:
        positions: of the lines in the columns, by custom_id.
        works: ascending.
        usual: 1 for a line that was awaited and whose work showed nothing.

    Args:
        room: number of lines, as far as it is known.
    """

    def __init__(self, database: Database, shard: int, batch: int, room: int = 0) -> None:
        self.positions = IdPositions(room)
        self.works: array[int] | range = range(0)
        self.items: array[int] | range = range(0)
        self.usual = bytearray()
        # cells that many lines share, of each kind of lines once: pictures have few sizes
        self._kinds = array("I")
        self._number_of: dict[tuple[Any, ...], int] = {}
        self._cells: tuple[list[Any], ...] = ([], [], [], [])
        self._db, self._shard, self._batch = database, shard, batch

    def __len__(self) -> int:
        return len(self.usual)

    def add(self, page: Sequence[tuple[Any, ...]]) -> None:
        """Add lines, as `planned_lines` reads them."""
        keys, works, items, usual, attempts, *reserved = zip(*page, strict=True)
        self.positions.extend(custom_ids(keys, attempts))
        self.works, self.items = _longer(self.works, works), _longer(self.items, items)
        self.usual += bytes(usual)
        kinds = [*zip(attempts, *reserved, strict=True)]
        for kind in {*kinds} - self._number_of.keys():
            self._number_of[kind] = len(self._number_of)
            for column, cell in zip(self._cells, kind, strict=True):
                column.append(cell)
        self._kinds.extend(map(self._number_of.__getitem__, kinds))

    def shared(self, positions: Iterable[int]) -> SharedCells:
        """Cells of lines that many lines share."""
        kinds = [*map(self._kinds.__getitem__, positions)]
        attempts, max_costs, _, tokens = self._cells
        columns = (attempts, max_costs, tokens)
        return SharedCells._make([*map(column.__getitem__, kinds)] for column in columns)

    def position_of(self, work: int) -> int | None:
        """Position of the line for a work, None for one that the shard does not have."""
        position = bisect_left(self.works, work)
        return position if work in self.works[position : position + 1] else None

    def sealed_items(self) -> Iterator[str] | None:
        """Each item in the words of its seal, as they follow each other; None where their order is
        not that of the works."""
        if any(map(gt, self.items, self.items[1:])):
            return None
        return sealed_words(self.works, self._kinds, [*zip(*self._cells, strict=True)])

    def line(self, position: int) -> PlannedLine:
        """Line as it is now."""
        state = self._db.one(_STATE, (self._batch, self.items[position]))
        assert state is not None
        _, (max_cost,), (tokens,) = self.shared([position])
        return PlannedLine(
            self.works[position], self.items[position], max_cost, tokens,
            *state,  # type: ignore[arg-type]
        )  # fmt: skip

    def by_key(self) -> Iterator[tuple[int, WorkAttempt]]:
        """Position of each line and what it asked for, in the order of the keys."""
        rows = self._db.execute(_BY_KEY, (self._shard,))
        for work, key, attempt in rows:
            position = self.position_of(work)
            assert position is not None
            yield position, WorkAttempt(key, attempt)


def _longer(rows: array[int] | range, more: tuple[int, ...]) -> array[int] | range:
    """Rows with some more: a range as long as each follows the one before."""
    if isinstance(rows, range):
        longer = range(rows[0] if rows else more[0], more[-1] + 1)
        if len(longer) == len(rows) + len(more) and (*longer[len(rows) :],) == more:
            return longer
        rows = array("q", rows)
    rows.extend(more)
    return rows


def planned_lines(database: Database, shard: Shard, batch: Batch) -> Planned:
    """Read the lines of a shard, as this batch finds them."""
    # mostly it has answered none, and then nobody need look for each of them
    any_answers = database.number(_ANY, (batch.row,))
    awaited, answered = (_AWAITED, [batch.row]) if any_answers else ("i.live = 1", [])
    cursor = database.execute(
        f"SELECT w.work_key, w.id, i.id, w.outcome IS NULL AND ({awaited}), "
        "i.attempt, i.worst, i.estimated, i.prompt_tokens "
        "FROM items i JOIN works w ON w.id = i.work WHERE i.shard = ? ORDER BY i.work",
        (*answered, shard.row),
    )
    planned = Planned(database, shard.row, batch.row, shard.requests)
    while page := cursor.fetchmany(_PAGE):
        planned.add(page)
    return planned
