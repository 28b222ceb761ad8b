"""Lines of a batch on their way into the tables: most many at a time, odd ones alone.

The lines that a batch was made for are the rule: their works, items and reserves are read once for
the shard, what becomes of them is decided here, and then written table by table. Most of them are
ordinary answers to works that have shown none, and for those there is nothing to decide.
Everything else goes alone, see `single_lines`.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import compress, islice, pairwise
from operator import gt

from pipeline.core.identity import custom_id
from pipeline.core.retry import RetryRule, WorkState, change_of
from pipeline.ledger.answer_row import (
    COLUMNS,
    MARKS,
    answer_cells,
    storable_or_none,
)
from pipeline.ledger.batches import Batch
from pipeline.ledger.database import Database
from pipeline.ledger.ordinary_rows import OrdinaryRows
from pipeline.ledger.planned import Planned, PlannedLine
from pipeline.ledger.seals import set_seal
from pipeline.ledger.settled import Lines, OrdinaryPage, PricedAnswer, Settled
from pipeline.ledger.shards import Shard
from pipeline.ledger.single_lines import SingleLines
from pipeline.records import Nano

# lines that are written together: with all of a batch each table is walked once, in order
_CHUNK = 50_000
_MOST_TEXT = 32_000_000  # characters of their captions
_FEW = 10_000  # of the others, which are whole answers

_INSERT_AS = f"INSERT INTO answers ({COLUMNS}, id) VALUES ({MARKS}, ?)"
_SHOW_ORDINARY = """
UPDATE works SET outcome = 'captioned', reason = '', answer = a.id, state = 'done',
    attempts = MAX(attempts, a.attempt), after = NULL
FROM answers a WHERE a.batch = ? AND a.id >= ? AND works.id = a.work
"""
# the same for works that follow each other: answers are written in their order
_SHOW_STRETCH = """
UPDATE works SET outcome = 'captioned', reason = '', answer = id + ?, state = 'done',
    attempts = MAX(attempts, ?), after = NULL
WHERE id BETWEEN ? AND ?
"""
_SHORT = 16  # works that take as long one by one
_USUAL = 2
_STATES = bytes([1, _USUAL]).ljust(256, b"\0")  # of what `Planned.usual` says
_FREE = "UPDATE items SET live = 0 WHERE id BETWEEN ? AND ?"


class Settling:
    """Lines of one batch, taken inside the transaction that settles it."""

    def __init__(
        self,
        database: Database,
        shard: Shard,
        batch: Batch,
        rules: Mapping[str, RetryRule],
        now: int,
        read_by: int,
        planned: Planned,
    ) -> None:
        self.settled = Settled()
        self._db = database
        self._shard = shard
        self._batch = batch
        self._rules = rules
        self._now = now
        self._read_by = read_by
        self._frees = batch.frees(shard.generation)
        self._planned = planned
        self._single = SingleLines(database, shard, batch, rules, self._row)
        # _USUAL, or 1 for another line, or 0 for one whose work is not as it was planned any more
        self._states = planned.usual.translate(_STATES) if self._frees else bytearray(len(planned))
        self._waiting: list[tuple[PlannedLine, PricedAnswer]] = []
        self._ordinary = OrdinaryRows(planned, shard.price_version)
        self._written: list[tuple[int, array[int]]] = []  # first id and positions of such rows
        self._tokens = [0, 0, 0]  # estimated, billed, lines

    def take(self, lines: Lines) -> None:
        """Take one answer or a page of ordinary ones; `finish` must follow the last."""
        if isinstance(lines, PricedAnswer):
            self.keep(lines)
        else:
            self.keep_ordinary(lines)

    def keep(self, priced: PricedAnswer) -> None:
        """Take one answer with its price."""
        name = custom_id(priced.work_key, priced.attempt)
        position = self._planned.positions.get(name)
        if position is None or not self._states[position]:
            self._keep_single(priced)
            return
        planned = self._planned.line(position)
        if not planned.awaited:
            self._keep_single(priced)
            return
        self._states[position] = 0  # whatever else comes for it
        self._count(priced, planned.max_cost, planned.prompt_tokens)
        self._waiting.append((planned, priced))
        if len(self._waiting) >= _FEW:
            self._flush()

    def _keep_single(self, priced: PricedAnswer) -> None:
        self._flush()
        work = self._single.work(priced.work_key)
        position = self._planned.position_of(work)
        if position is not None:
            self._states[position] = 0
        written = self._single.write(work, priced)
        if written is not None:
            self._count(priced, written.max_cost, written.prompt_tokens)
            self.settled.again += written.again

    def keep_ordinary(self, page: OrdinaryPage) -> None:
        """Take ordinary lines, each of another work."""
        states = [*map(self._states.__getitem__, page.positions)]
        if {*states} != {_USUAL}:
            for priced in page.where([state != _USUAL for state in states]).priced():
                self.keep(priced)
            page = page.where([state == _USUAL for state in states])
        if page.costs:
            self._take_ordinary(page)

    def finish(self) -> Settled:
        """Write what waits, and give what it all came to."""
        self._flush()
        if self._tokens[2]:
            self._calibrate(*self._tokens)
        return self.settled

    def _calibrate(self, estimated: int, billed: int, lines: int) -> None:
        """Hold bills against what was counted; a line has its share of the shard's guesses."""
        shard = self._shard
        guessed = (shard.guessed or 0) * lines // max(1, shard.requests)
        guessed_billed = billed - (estimated - guessed) if guessed else 0
        self._db.execute(
            "INSERT INTO calibration (model, estimated, billed, lines, guessed, guessed_billed) "
            "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (model) DO UPDATE SET "
            "estimated = estimated + excluded.estimated, billed = billed + excluded.billed, "
            "lines = lines + excluded.lines, guessed = guessed + excluded.guessed, "
            "guessed_billed = guessed_billed + excluded.guessed_billed",
            (shard.model, estimated, billed, lines, guessed, guessed_billed),
        )
        set_seal(self._db, "calibration", shard.model)

    def _count(self, priced: PricedAnswer, max_cost: Nano | None, expected: int) -> None:
        self.settled.add(priced, max_cost)
        if priced.answer.usage is not None and expected:
            self._tokens[0] += expected
            self._tokens[1] += priced.answer.usage.prompt
            self._tokens[2] += 1

    # -- the rule --------------------------------------------------------------------------------

    def _flush(self) -> None:
        """Write the lines that wait, in the order of their works."""
        self._flush_ordinary()
        if not self._waiting:
            return
        waiting, self._waiting = sorted(self._waiting, key=lambda pair: pair[0].work), []
        first = self._db.number("SELECT MAX(id) FROM answers") + 1
        answers, shown, others = [], [], []
        for row, (planned, priced) in enumerate(waiting, start=first):
            answers.append((*self._row(planned.work, priced), row))
            work = WorkState(*planned[4:8])
            verdict = change_of(work, priced.answer, priced.attempt, self._rules)
            self.settled.again += verdict.state == "pending"
            change = (verdict.state, verdict.attempts, verdict.after)
            if verdict.improves:
                reason = storable_or_none(priced.answer.reason)
                shown.append((priced.answer.outcome, reason, row, *change, planned.work))
            else:
                others.append((*change, planned.work))
        self._db.executemany(_INSERT_AS, answers)
        self._free(planned.item for planned, _ in waiting)
        self._db.executemany(
            "UPDATE works SET outcome = ?, reason = ?, answer = ?, state = ?, attempts = ?, "
            "after = ? WHERE id = ?",
            shown,
        )
        self._db.executemany(
            "UPDATE works SET state = ?, attempts = ?, after = ? WHERE id = ?", others
        )

    def _take_ordinary(self, page: OrdinaryPage) -> None:
        planned, positions, states = self._planned, page.positions, self._states
        for position in positions:
            states[position] = 0
        attempts, max_costs, expected = planned.shared(positions)
        self._ordinary.add(page, attempts)
        self.settled.add_ordinary(page, max_costs)
        self._tokens[0] += sum(expected)
        self._tokens[1] += sum(compress(page.tokens[0], expected))
        self._tokens[2] += len(expected) - expected.count(0)
        if len(self._ordinary) >= _CHUNK or self._ordinary.text >= _MOST_TEXT:
            self._write_ordinary()

    def _write_ordinary(self) -> None:
        """Write the rows of answers that wait; their works and items are still as they were."""
        if self._ordinary:
            rows = self._ordinary
            self._ordinary = OrdinaryRows(self._planned, self._shard.price_version)
            first = self._db.number("SELECT MAX(id) FROM answers") + 1
            positions = rows.write(self._db, self._batch.row, self._now, self._read_by)
            self._written.append((first, array("I", positions)))

    def _flush_ordinary(self) -> None:
        self._write_ordinary()
        if not self._written:
            return
        written, self._written = self._written, []
        items = self._planned.items
        first, positions = written[0]
        in_order = positions if len(written) == 1 else merge(*[others for _, others in written])
        self._free(map(items.__getitem__, in_order))
        if len(written) > 1 or not self._show_stretches(positions, first):
            self._db.execute(_SHOW_ORDINARY, (self._batch.row, first))

    def _show_stretches(self, positions: array[int], first: int) -> bool:
        """Show answers whose ids follow each other from the first one, in the order of their works;
        False where too few of these follow each other."""
        works = [*map(self._planned.works.__getitem__, positions)]
        stretches = [*_stretches(works)]
        attempts = {*self._planned.shared(positions).attempts}
        if len(attempts) > 1 or len(works) < _SHORT * len(stretches):
            return False
        (attempt,) = attempts
        changes = []
        for start, end in stretches:
            changes.append((first - start, attempt, start, end))
            first += end - start + 1
        with self._db.known_to_pass_checks():
            self._db.executemany(_SHOW_STRETCH, changes)
        return True

    def _free(self, items: Iterable[int]) -> None:
        """Free items, each once: those of a shard mostly follow each other."""
        in_order = array("q", items)
        if any(map(gt, in_order, islice(in_order, 1, None))):
            in_order = array("q", sorted(in_order))
        self._db.executemany(_FREE, _stretches(in_order))

    def _row(self, work: int, priced: PricedAnswer) -> tuple[object, ...]:
        """Cells of `answer_row.COLUMNS`."""
        cells = answer_cells(priced.answer, priced.billed, self._shard.price_version)
        return (work, priced.attempt, self._batch.row, *cells, self._now, self._read_by)


def _stretches(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """First and last of each stretch of numbers that follow each other; they ascend."""
    if numbers[-1] - numbers[0] == len(numbers) - 1:
        yield numbers[0], numbers[-1]
        return
    start = numbers[0]
    for one, following in pairwise(numbers):
        if following != one + 1:
            yield start, one
            start = following
    yield start, numbers[-1]
