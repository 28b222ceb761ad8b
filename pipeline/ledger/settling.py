"""Lines of a batch on their way into the tables: most many at a time, odd ones alone.

The lines that a batch was made for are the rule: their works, items and reserves are read once for
the shard, what becomes of them is decided here, and then written table by table. Most of them are
ordinary answers to works that have shown none, and for those there is nothing to decide.
Everything else (a second batch of a shard, a foreign request, a second line for a work) goes alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.core.identity import custom_id
from pipeline.core.outcomes import PAID_OUTCOMES
from pipeline.core.retry import RetryRule, WorkState, change_of
from pipeline.ledger.answer_row import (
    COLUMNS,
    MARKS,
    answer_cells,
    storable_or_none,
)
from pipeline.ledger.batches import Batch
from pipeline.ledger.database import Database, sql_list
from pipeline.ledger.ordinary_rows import OrdinaryRows
from pipeline.ledger.planned import SHOWN_ATTEMPT, Planned, PlannedLine
from pipeline.ledger.seals import set_seal
from pipeline.ledger.settled import Lines, OrdinaryPage, PricedAnswer, Settled
from pipeline.ledger.shards import Shard
from pipeline.records import Nano

# lines that are written together: with all of a batch each table is walked once, in order
_CHUNK = 50_000
_MOST_TEXT = 32_000_000  # characters of their captions
_FEW = 10_000  # of the others, which are whole answers

_PAID = sql_list(PAID_OUTCOMES)
_EXCLUDED = ", ".join(f"excluded.{name.strip()}" for name in COLUMNS.split(","))
# a reply that comes late takes the place of the error, or of the "missing", that was there before;
# so does the word, which comes late, that a missing request never ran
_INSERT = f"""
INSERT INTO answers ({COLUMNS})
VALUES ({MARKS}) ON CONFLICT DO UPDATE SET ({COLUMNS}) = ({_EXCLUDED})
WHERE answers.outcome NOT IN ({_PAID})
    AND (excluded.outcome IN ({_PAID}) OR answers.outcome = 'missing')
    AND excluded.outcome <> answers.outcome
"""
_WAS_MISSING = """
SELECT EXISTS (SELECT 1 FROM answers
WHERE batch = ? AND work = ? AND attempt = ? AND outcome = 'missing')
"""
_TAKE_BACK = """
UPDATE works SET outcome = NULL, reason = '', answer = NULL, state = 'live'
WHERE id = ? AND outcome = 'missing' AND NOT EXISTS (
    SELECT 1 FROM answers a WHERE a.work = works.id AND a.outcome = 'missing'
) RETURNING 1
"""
_INSERT_AS = f"INSERT INTO answers ({COLUMNS}, id) VALUES ({MARKS}, ?)"
_SHOW_ORDINARY = """
UPDATE works SET outcome = 'captioned', reason = '', answer = a.id, state = 'done',
    attempts = MAX(attempts, a.attempt), after = NULL
FROM (SELECT id, work, attempt FROM answers WHERE id >= ?) a WHERE works.id = a.work
"""
_SHOW_MISSING = """
UPDATE works SET answer = a.id, reason = a.reason FROM answers a
WHERE works.id = ? AND works.outcome = 'missing' AND a.work = works.id AND a.outcome = 'missing'
"""
_FREE = "UPDATE items SET live = 0 WHERE id = ?"
_FREE_RANGE = "UPDATE items SET live = 0 WHERE id BETWEEN ? AND ?"


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
        self._alone: set[int] = set()  # works that are not as they were planned any more
        self._waiting: list[tuple[PlannedLine, PricedAnswer]] = []
        self._ordinary = OrdinaryRows(shard.price_version)
        self._freed: list[int] = []  # items of these
        self._tokens = [0, 0, 0]  # estimated, billed, lines

    def take(self, lines: Lines) -> None:
        """Take one answer or a page of ordinary ones; `finish` must follow the last."""
        if isinstance(lines, PricedAnswer):
            self.keep(lines)
        else:
            self.keep_ordinary(lines)

    def keep(self, priced: PricedAnswer) -> None:
        """Take one answer with its price."""
        planned = self._planned.line(custom_id(priced.work_key, priced.attempt))
        if planned is None or not self._is_rule(planned):
            self._flush()
            self._keep_alone(priced)
            return
        self._alone.add(planned.work)  # whatever else comes for it
        self._count(priced, planned.max_cost, planned.prompt_tokens)
        self._waiting.append((planned, priced))
        if len(self._waiting) >= _FEW:
            self._flush()

    def keep_ordinary(self, page: OrdinaryPage) -> None:
        """Take ordinary lines, each of another work."""
        alone = self._alone
        usual = [
            self._frees and bool(planned[6]) and planned[2] not in alone for planned in page.planned
        ]
        if not all(usual):
            for priced in page.where([not one for one in usual]).priced():
                self.keep(priced)
            page = page.where(usual)
        if page.answers:
            self._take_ordinary(page)

    def _is_rule(self, planned: PlannedLine) -> bool:
        return self._frees and bool(planned.awaited) and planned.work not in self._alone

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
            work = WorkState(*planned[6:10])
            verdict = change_of(work, priced.answer, priced.attempt, self._rules)
            self.settled.again += verdict.state == "pending"
            change = (verdict.state, verdict.attempts, verdict.after)
            if verdict.improves:
                reason = storable_or_none(priced.answer.reason)
                shown.append((priced.answer.outcome, reason, row, *change, planned.work))
            else:
                others.append((*change, planned.work))
        self._db.executemany(_INSERT_AS, answers)
        self._free([planned.item for planned, _ in waiting])
        self._db.executemany(
            "UPDATE works SET outcome = ?, reason = ?, answer = ?, state = ?, attempts = ?, "
            "after = ? WHERE id = ?",
            shown,
        )
        self._db.executemany(
            "UPDATE works SET state = ?, attempts = ?, after = ? WHERE id = ?", others
        )

    def _take_ordinary(self, page: OrdinaryPage) -> None:
        self._alone.update([planned[2] for planned in page.planned])
        self._ordinary.add(page)
        self._freed += [planned[3] for planned in page.planned]
        self.settled.add_ordinary(page)
        pairs = zip(page.planned, page.answers, strict=True)
        billed = [(planned[5], answer.tokens[0]) for planned, answer in pairs if planned[5]]
        self._tokens[0] += sum([one[0] for one in billed])
        self._tokens[1] += sum([one[1] for one in billed])
        self._tokens[2] += len(billed)
        if len(self._ordinary) >= _CHUNK or self._ordinary.text >= _MOST_TEXT:
            self._flush()

    def _flush_ordinary(self) -> None:
        if not self._ordinary:
            return
        rows, self._ordinary = self._ordinary, OrdinaryRows(self._shard.price_version)
        freed, self._freed = self._freed, []
        first = self._db.number("SELECT MAX(id) FROM answers") + 1
        rows.write(self._db, self._batch.row, self._now, self._read_by)
        self._free(freed)
        self._db.execute(_SHOW_ORDINARY, (first,))

    def _free(self, items: list[int]) -> None:
        """Free items, each once: those of a shard mostly follow each other."""
        items.sort()
        if items[-1] - items[0] == len(items) - 1:
            self._db.execute(_FREE_RANGE, (items[0], items[-1]))
        else:
            self._db.executemany(_FREE, [(item,) for item in items])

    def _row(self, work: int, priced: PricedAnswer) -> tuple[object, ...]:
        """Cells of `answer_row.COLUMNS`."""
        cells = answer_cells(priced.answer, priced.billed, self._shard.price_version)
        return (work, priced.attempt, self._batch.row, *cells, self._now, self._read_by)

    # -- what is out of the ordinary -------------------------------------------------------------

    def _keep_alone(self, priced: PricedAnswer) -> None:
        work = self._work(priced.work_key)
        self._alone.add(work)
        place = (self._batch.row, work, priced.attempt)
        was_missing = self._db.number(_WAS_MISSING, place)
        if self._db.execute(_INSERT, self._row(work, priced)).rowcount == 0:
            return  # settled before: a line counts once
        # a second batch of a shard frees nothing: the first one is still to answer
        item = self._db.one(
            "UPDATE items SET live = live AND NOT ? WHERE shard = ? AND work = ? AND attempt = ? "
            "RETURNING worst, prompt_tokens",
            (self._frees, self._shard.row, work, priced.attempt),
        )
        max_cost, expected = item or (None, 0)
        self._count(priced, max_cost, int(expected))  # type: ignore[arg-type, call-overload]
        if was_missing and priced.answer.outcome not in PAID_OUTCOMES:
            self._take_back(work)
        self._advance(work, priced)

    def _take_back(self, work: int) -> None:
        """Take back that a work is missing; another request for it may have been billed yet."""
        if self._db.one(_TAKE_BACK, (work,)) is None:
            self._db.execute(_SHOW_MISSING, (work,))

    def _work(self, key: bytes) -> int:
        """Row of a work, made when it is foreign."""
        self._db.execute("INSERT INTO works (work_key) VALUES (?) ON CONFLICT DO NOTHING", (key,))
        return self._db.number("SELECT id FROM works WHERE work_key = ?", (key,))

    def _advance(self, work: int, priced: PricedAnswer) -> None:
        """Show the best answer so far and decide whether the work goes again."""
        row = self._db.one(
            f"SELECT w.state, w.outcome, {SHOWN_ATTEMPT}, w.attempts, "
            "EXISTS (SELECT 1 FROM items i WHERE i.work = w.id AND i.live = 1) "
            "FROM works w WHERE w.id = ?",
            (work,),
        )
        assert row is not None
        *now, live_elsewhere = row
        state = WorkState(*now)  # type: ignore[arg-type]
        verdict = change_of(state, priced.answer, priced.attempt, self._rules)
        if verdict.improves:
            self._db.execute(
                "UPDATE works SET outcome = ?, reason = ?, answer = (SELECT id FROM answers "
                "WHERE work = works.id AND batch = ? AND attempt = ?) WHERE id = ?",
                (
                    priced.answer.outcome,
                    storable_or_none(priced.answer.reason),
                    self._batch.row,
                    priced.attempt,
                    work,
                ),
            )
        if live_elsewhere:
            return  # another live shard will decide
        self._db.execute(
            "UPDATE works SET state = ?, attempts = ?, after = ? WHERE id = ?",
            (verdict.state, verdict.attempts, verdict.after, work),
        )
        self.settled.again += verdict.state == "pending"
