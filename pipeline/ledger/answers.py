"""Settling: the results of a batch and their charges, in one transaction."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pipeline.core.outcomes import RetryRule, better, next_state
from pipeline.ledger.batches import Batch
from pipeline.ledger.books import Books
from pipeline.ledger.database import Database
from pipeline.ledger.exchange import Exchange
from pipeline.ledger.shards import Shard
from pipeline.records import PAID_OUTCOMES, Answer, Nano

_SURROGATE = re.compile("[\ud800-\udfff]")

_INSERT = """
INSERT INTO answers (work, attempt, batch, outcome, caption, fields, reason, code, prompt_tokens,
    cached_tokens, cache_write_tokens, completion_tokens, reasoning_tokens, billed,
    price_version, served_model, request_id, received_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class PricedAnswer:
    """An answer with the identity from its custom_id and its exact cost (None: not known)."""

    work_key: bytes
    attempt: int
    answer: Answer
    billed: Nano | None


@dataclass(slots=True)
class Settled:
    """What settling a batch came to.

    Attributes:
        outcomes: lines by outcome.
        billed: nano-dollars of all lines, None when the cost of one is not known.
        held: the same, with what was reserved for lines whose cost is not known; None when
            nothing was, and then the shard's whole reservation stays counted.
        prompt_tokens, completion_tokens: sums over the lines.
        over: custom_ids of lines that cost more than was reserved for them.
        again: works that are pending again.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    billed: Nano | None = 0
    held: Nano | None = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    over: list[str] = field(default_factory=list)
    again: int = 0

    def add(self, priced: PricedAnswer, worst: Nano | None) -> None:
        """Count one line, for which `worst` was reserved."""
        self.outcomes[priced.answer.outcome] += 1
        usage = priced.answer.usage
        if usage is not None:
            self.prompt_tokens += usage.prompt
            self.completion_tokens += usage.completion
        self.billed = _sum(self.billed, priced.billed)
        self.held = _sum(self.held, worst if priced.billed is None else priced.billed)


class Answers:
    """The tables `answers` and `calibration`."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._books = Books(database)
        self._exchange = Exchange(database)

    def settle(
        self,
        shard: Shard,
        batch: Batch,
        answers: Iterable[PricedAnswer],
        rules: Mapping[str, RetryRule],
        now: int,
    ) -> Settled:
        """Keep all answers of a batch, charge them, close its reservation, free its items.

        `answers` is read inside the transaction: when it raises, nothing is kept.
        """
        settled = Settled()
        with self._db.transaction("settle"):
            for priced in answers:
                self._keep(shard, batch, priced, rules, settled, now)
            lost = batch.vanished_at is not None and not settled.outcomes
            self._books.settle(shard.row, batch.booked_as, None if lost else settled.held, now)
            self._db.execute(
                "UPDATE batches SET state = 'settled', settled_at = ? WHERE id = ?",
                (now, batch.row),
            )
            if batch.leads(shard.generation):
                self._db.execute("UPDATE shards SET state = 'SETTLED' WHERE id = ?", (shard.row,))
            elif batch.role == "file":
                self._exchange.narrow(shard.row, now)
        return settled

    def _keep(
        self,
        shard: Shard,
        batch: Batch,
        priced: PricedAnswer,
        rules: Mapping[str, RetryRule],
        settled: Settled,
        now: int,
    ) -> None:
        work = self._work(priced.work_key)
        if self._insert(work, batch, shard.price_version, priced, now) == 0:
            return  # settled before: a line counts once
        # a second batch of a shard frees nothing: the first one is still to answer
        item = self._db.one(
            "UPDATE items SET live = live AND NOT ? WHERE shard = ? AND work = ? AND attempt = ? "
            "RETURNING worst, prompt_tokens",
            (batch.frees(shard.generation), shard.row, work, priced.attempt),
        )
        worst: Nano | None
        worst, expected = item or (None, 0)  # type: ignore[assignment]
        settled.add(priced, worst)
        if priced.billed is not None and worst is not None and priced.billed > worst:
            settled.over.append(priced.answer.custom_id)
        if priced.answer.usage is not None and expected:
            self._calibrate(shard.model, int(expected), priced.answer.usage.prompt)  # type: ignore[call-overload]
        settled.again += self._advance(work, priced, rules)

    def _work(self, key: bytes) -> int:
        """The payment's row; one that this ledger never planned is kept all the same."""
        self._db.execute("INSERT INTO works (work_key) VALUES (?) ON CONFLICT DO NOTHING", (key,))
        return self._db.number("SELECT id FROM works WHERE work_key = ?", (key,))

    def _insert(
        self, work: int, batch: Batch, version: str | None, priced: PricedAnswer, now: int
    ) -> int:
        answer, usage = priced.answer, priced.answer.usage
        tokens = (
            (None,) * 5
            if usage is None
            else (usage.prompt, usage.cached, usage.cache_write, usage.completion, usage.reasoning)
        )
        fields = json.dumps(dict(answer.fields)) if answer.fields else None
        return self._db.execute(
            _INSERT,
            (work, priced.attempt, batch.row, answer.outcome, _storable(answer.caption), fields,
             _storable(answer.reason), answer.code, *tokens, priced.billed, version,
             answer.model, answer.request_id, now),
        ).rowcount  # fmt: skip

    def _advance(self, work: int, priced: PricedAnswer, rules: Mapping[str, RetryRule]) -> int:
        """Show the best answer so far and decide whether the work goes again."""
        row = self._db.one(
            "SELECT w.state, w.outcome, w.attempts, "
            "EXISTS (SELECT 1 FROM items i WHERE i.work = w.id AND i.live = 1) "
            "FROM works w WHERE w.id = ?",
            (work,),
        )
        assert row is not None
        state, shown, attempts, live_elsewhere = row
        answer = priced.answer
        improves = better(answer.outcome, None if shown is None else str(shown))
        best = answer.outcome if improves else str(shown)
        if improves:
            self._db.execute(
                "UPDATE works SET outcome = ?, reason = ?, answer = (SELECT id FROM answers "
                "WHERE work = works.id ORDER BY id DESC LIMIT 1) WHERE id = ?",
                (answer.outcome, _storable(answer.reason), work),
            )
        if live_elsewhere:
            return 0  # another live shard will decide
        tried = max(int(attempts), priced.attempt)  # type: ignore[call-overload]
        # what is paid for decides, also over a later answer that is worth less
        last = answer.outcome if improves or best not in PAID_OUTCOMES else best
        target = next_state(last, answer.code, tried, rules)
        if state == "done" or best == "captioned":
            target = "done"
        self._db.execute(
            "UPDATE works SET state = ?, attempts = ?, after = ? WHERE id = ?",
            (target, tried, last if target == "pending" else None, work),
        )
        return int(target == "pending")

    def _calibrate(self, model: str, estimated: int, billed: int) -> None:
        self._db.execute(
            "INSERT INTO calibration (model, estimated, billed, lines) VALUES (?, ?, ?, 1) "
            "ON CONFLICT (model) DO UPDATE SET "
            "estimated = estimated + ?2, billed = billed + ?3, lines = lines + 1",
            (model, estimated, billed),
        )

    def count(self) -> int:
        """How many answers are kept."""
        return self._db.number("SELECT COUNT(*) FROM answers")

    def calibration(self) -> list[tuple[str, int, int, int]]:
        """(model, estimated prompt tokens, billed prompt tokens, lines) for each model."""
        return [
            (str(model), int(estimated), int(billed), int(lines))
            for model, estimated, billed, lines in self._db.execute(
                "SELECT model, estimated, billed, lines FROM calibration WHERE lines > 0"
            )
        ]

    def retry(self, outcomes: Iterable[str]) -> int:
        """Make done works with these outcomes pending again, where an image of today's spec
        stands for them; gives how many."""
        marks = list(outcomes)
        return self._db.execute(
            "UPDATE works SET state = 'pending', after = outcome WHERE state = 'done' "
            f"AND outcome IN ({', '.join('?' * len(marks))}) "
            "AND EXISTS (SELECT 1 FROM images i WHERE i.work = works.id AND i.present = 1)",
            marks,
        ).rowcount

    def captioned(self, spec: int) -> int:
        """How many different contents of a spec have a caption."""
        return self._db.number(
            "SELECT COUNT(*) FROM works WHERE spec = ? AND outcome = 'captioned'", (spec,)
        )

    def repeated_captions(self, spec: int, at_least: int) -> list[tuple[str, int]]:
        """Captions that many different contents share, most frequent first (at most 20)."""
        return [
            (str(caption), int(count))
            for caption, count in self._db.execute(
                "SELECT a.caption, COUNT(*) FROM works w JOIN answers a ON a.id = w.answer "
                "WHERE w.spec = ? AND w.outcome = 'captioned' GROUP BY a.caption "
                "HAVING COUNT(*) >= ? ORDER BY 2 DESC LIMIT 20",
                (spec, at_least),
            )
        ]


def _sum(one: Nano | None, other: Nano | None) -> Nano | None:
    """Their sum, None when one of them is not known."""
    return None if one is None or other is None else one + other


def _storable(text: str | None) -> str | None:
    """SQLite stores UTF-8: a lone surrogate becomes U+FFFD (the raw file keeps it as it came)."""
    if text is None or text.isascii():
        return text
    return _SURROGATE.sub("\ufffd", text)
