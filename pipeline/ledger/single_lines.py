"""Lines of a batch that go alone: of a second batch of a shard, of a foreign request, a second line
for a work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from pipeline.core.outcomes import PAID_OUTCOMES
from pipeline.core.retry import RetryRule, WorkState, change_of
from pipeline.ledger.answer_row import COLUMNS, MARKS, storable_or_none
from pipeline.ledger.batches import Batch
from pipeline.ledger.database import Database, sql_list
from pipeline.ledger.planned import SHOWN_ATTEMPT
from pipeline.ledger.settled import PricedAnswer
from pipeline.ledger.shards import Shard
from pipeline.records import Nano

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
_SHOW_MISSING = """
UPDATE works SET answer = a.id, reason = a.reason FROM answers a
WHERE works.id = ? AND works.outcome = 'missing' AND a.work = works.id AND a.outcome = 'missing'
"""


class WrittenLine(NamedTuple):
    """Line that was written.

    Attributes:
        max_cost: of its item; None where this shard has none for it, or no price is known.
        prompt_tokens: estimated for its item, 0 without one.
        again: its work goes again.
    """

    max_cost: Nano | None
    prompt_tokens: int
    again: bool


class SingleLines:
    """Writer of lines one by one, inside the transaction that settles their batch."""

    def __init__(
        self,
        database: Database,
        shard: Shard,
        batch: Batch,
        rules: Mapping[str, RetryRule],
        row_of: Callable[[int, PricedAnswer], tuple[object, ...]],
    ) -> None:
        """`row_of` gives the cells of `answer_row.COLUMNS` for an answer to a work."""
        self._db = database
        self._shard = shard
        self._batch = batch
        self._rules = rules
        self._row = row_of
        self._frees = batch.frees(shard.generation)

    def write(self, work: int, priced: PricedAnswer) -> WrittenLine | None:
        """Write one answer to a work; None when it was settled before: a line counts once."""
        place = (self._batch.row, work, priced.attempt)
        was_missing = self._db.number(_WAS_MISSING, place)
        if self._db.execute(_INSERT, self._row(work, priced)).rowcount == 0:
            return None
        # a second batch of a shard frees nothing: the first one is still to answer
        item = self._db.one(
            "UPDATE items SET live = live AND NOT ? WHERE shard = ? AND work = ? AND attempt = ? "
            "RETURNING worst, prompt_tokens",
            (self._frees, self._shard.row, work, priced.attempt),
        )
        if was_missing and priced.answer.outcome not in PAID_OUTCOMES:
            self._take_back(work)
        max_cost, prompt_tokens = item or (None, 0)
        again = self._advance(work, priced)
        return WrittenLine(max_cost, int(prompt_tokens), again)  # type: ignore[arg-type, call-overload]

    def _take_back(self, work: int) -> None:
        """Take back that a work is missing; another request for it may have been billed yet."""
        if self._db.one(_TAKE_BACK, (work,)) is None:
            self._db.execute(_SHOW_MISSING, (work,))

    def work(self, key: bytes) -> int:
        """Row of a work, made when it is foreign."""
        self._db.execute("INSERT INTO works (work_key) VALUES (?) ON CONFLICT DO NOTHING", (key,))
        return self._db.number("SELECT id FROM works WHERE work_key = ?", (key,))

    def _advance(self, work: int, priced: PricedAnswer) -> bool:
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
        if live_elsewhere:  # another live shard will decide, but this attempt was made
            self._db.execute("UPDATE works SET attempts = ? WHERE id = ?", (verdict.attempts, work))
            return False
        self._db.execute(
            "UPDATE works SET state = ?, attempts = ?, after = ? WHERE id = ?",
            (verdict.state, verdict.attempts, verdict.after, work),
        )
        return verdict.state == "pending"
