"""Contradictions of the ledger in itself, for `verify`; reads only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.core.identity import WorkAttempt, hash_of
from pipeline.core.outcomes import PAID_OUTCOMES
from pipeline.core.reading_rules import CURRENT
from pipeline.ledger.answer_row import answer_checksum
from pipeline.ledger.batches import BOOKED_AS
from pipeline.ledger.database import Database, sql_list
from pipeline.ledger.online_groups import ONLINE
from pipeline.records import Nano


@dataclass(frozen=True, slots=True)
class ExpectedShard:
    """Request file that should be there, with its checksum."""

    shard_key: str
    state: str
    checksum: bytes


@dataclass(frozen=True, slots=True)
class ExpectedBatch:
    """Settled batch whose raw files should be there.

    Attributes:
        output, error: which of its files it has.
        generation: of its creation.
        foreign: of a file with requests of nobody here, which has no batch record.
    """

    shard_key: str
    batch_id: str
    output: bool
    error: bool
    generation: int = 1
    foreign: bool = False


_ROUNDING = 1_000  # nano-dollars; services name their cost in millionths of a dollar

# A line of unknown cost counts at what was reserved for it; where nothing was, so does the batch.
_UNBALANCED = f"""
SELECT b.batch_id, r.settled, b.beyond + COALESCE(SUM(COALESCE(a.billed, i.worst)), 0)
FROM reservations r
JOIN batches b ON b.shard = r.shard
    AND r.generation = {BOOKED_AS}
LEFT JOIN answers a ON a.batch = b.id
LEFT JOIN items i ON i.shard = b.shard AND i.work = a.work
WHERE r.state = 'settled' AND r.settled IS NOT NULL
GROUP BY r.id HAVING r.settled <> b.beyond + COALESCE(SUM(COALESCE(a.billed, i.worst)), 0)
"""

_POSSIBLE = f"a.attempt BETWEEN 1 AND 999999 AND COALESCE(a.rules, 1) BETWEEN 1 AND {CURRENT}"

# each: what must not be, and how to count it
_CONTRADICTIONS = (
    (
        "images under way that are in no shard",
        "SELECT COUNT(*) FROM works w WHERE w.state = 'live' AND NOT EXISTS "
        "(SELECT 1 FROM items i WHERE i.work = w.id AND i.live = 1)",
    ),
    (
        "requests in a shard whose images are not under way",
        "SELECT COUNT(*) FROM items i JOIN works w ON w.id = i.work "
        "WHERE i.live = 1 AND w.state = 'pending'",
    ),
    (
        "outcomes without an answer",
        "SELECT COUNT(*) FROM works w LEFT JOIN answers a ON a.id = w.answer "
        "WHERE w.outcome IS NOT NULL AND (a.id IS NULL OR a.outcome <> w.outcome)",
    ),
    (
        "shards at the service without a batch",
        "SELECT COUNT(*) FROM shards s WHERE s.state IN ('SUBMITTED', 'DOWNLOADED') "
        "AND NOT EXISTS (SELECT 1 FROM batches b WHERE b.shard = s.id)",
    ),
    (
        "batches without a reservation",
        "SELECT COUNT(*) FROM batches b WHERE NOT EXISTS (SELECT 1 FROM reservations r "
        f"WHERE r.shard = b.shard AND r.generation = {BOOKED_AS})",
    ),
    (
        "settled batches whose reservations are still open",
        "SELECT COUNT(*) FROM batches b JOIN reservations r ON r.shard = b.shard AND "
        f"r.generation = {BOOKED_AS} "
        "WHERE b.state = 'settled' AND r.state = 'open'",
    ),
    (
        "settled shards whose requests are still under way",
        "SELECT COUNT(*) FROM shards s JOIN items i ON i.shard = s.id "
        "WHERE s.state = 'SETTLED' AND i.live = 1",
    ),
    (
        "open reservations of another amount than their shards may cost",
        "SELECT COUNT(*) FROM reservations r JOIN shards s ON s.id = r.shard "
        "WHERE r.state = 'open' AND r.reserved <> s.worst AND s.state <> 'WRITTEN' "
        # of a file that comes back in parts, the rest alone is reserved
        "AND NOT EXISTS (SELECT 1 FROM batches b WHERE b.shard = s.id AND b.role = 'file')",
    ),
    (
        "reservations that count to another day or month than theirs",
        "SELECT COUNT(*) FROM reservations WHERE month <> substr(day, 1, 7) "
        "OR day <> date(made_at, 'unixepoch')",
    ),
    (
        "images with fewer attempts than their answers",
        "SELECT COUNT(*) FROM works w WHERE w.attempts < (SELECT MAX(a.attempt) FROM answers a "
        f"WHERE a.work = w.id AND a.outcome IN ({sql_list(PAID_OUTCOMES)}))",
    ),
    (
        "answers with an attempt or rules of reading that cannot be",
        f"SELECT COUNT(*) FROM answers a WHERE NOT ({_POSSIBLE})",
    ),
)


@dataclass(frozen=True, slots=True)
class AuditedAnswer:
    """Answer as the ledger has it.

    Attributes:
        code: the service's error code, or the finish_reason.
        tokens: from prompt to reasoning.
        rules: version of the rules that it was read by.
        checksum: of the rest when it came; None for answers of earlier versions.
    """

    attempt: WorkAttempt
    outcome: str
    caption: str | None
    fields: str | None
    code: str
    tokens: tuple[int | None, ...]
    rules: int
    checksum: bytes | None

    @property
    def worth(self) -> tuple[str, str | None, str | None, tuple[int | None, ...]]:
        """Outcome, caption, fields and tokens."""
        return self.outcome, self.caption, self.fields, self.tokens

    @property
    def is_sound(self) -> bool:
        """Compare it with its checksum."""
        return self.checksum in (None, answer_checksum(*self.worth))


@dataclass(frozen=True, slots=True)
class ServiceCosts:
    """Sums over the answers whose own cost the service names, and those that differ from ours.

    Attributes:
        named: nano-dollars as the service names them, of the answers that differ.
        billed: the same as counted here.
        answers: how many differ.
    """

    named: Nano
    billed: Nano
    answers: int


class Audit:
    """Questions over the whole ledger."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def contradictions(self) -> Iterator[str]:
        """Contradictions as sentences."""
        yield from self._db.integrity()
        for words, sql in _CONTRADICTIONS:
            count = self._db.number(sql)
            if count:
                yield f"{words}: {count:,}"
        for table, column in (("specs", "spec_id"), ("recipes", "recipe_id")):
            rows = self._db.execute(f"SELECT {column}, canonical FROM {table}")
            count = sum(not _is_identity_of(key, canonical) for key, canonical in rows)
            if count:
                yield f"{table} that their identity does not belong to: {count:,}"
        for batch_id, settled, charged in self._db.execute(_UNBALANCED):
            yield f"batch {batch_id}: {settled} nano-dollars settled, but {charged} in its answers"

    def sums(self) -> tuple[Nano, Nano]:
        """(settled, charged by answers of settled reservations with known cost)."""
        return (
            self._db.number(
                "SELECT SUM(COALESCE(settled, reserved)) FROM reservations WHERE state = 'settled'"
            ),
            self._db.number("SELECT SUM(billed) FROM answers"),
        )

    def answers(self, batch: int) -> Iterator[AuditedAnswer]:
        """Answers of a batch."""
        for (
            key,
            attempt,
            outcome,
            caption,
            fields,
            code,
            rules,
            checksum,
            *tokens,
        ) in self._db.execute(
            "SELECT w.work_key, a.attempt, a.outcome, a.caption, a.fields, a.code, "
            "COALESCE(a.rules, 1), a.checksum, a.prompt_tokens, a.cached_tokens, "
            "a.cache_write_tokens, a.completion_tokens, a.reasoning_tokens "
            "FROM answers a JOIN works w ON w.id = a.work WHERE a.batch = ? "
            f"AND {_POSSIBLE} ORDER BY a.id",
            (batch,),
        ):
            work = WorkAttempt(key, attempt)
            yield AuditedAnswer(
                work, outcome, caption, fields, code, tuple(tokens), rules, checksum
            )

    def service_costs(self) -> ServiceCosts:
        """Answers that cost something else by the service's own words than by tokens and prices."""
        row = self._db.one(
            "SELECT SUM(service_cost), SUM(billed), COUNT(*) FROM answers "
            "WHERE service_cost IS NOT NULL AND ABS(service_cost - billed) > ?",
            (_ROUNDING,),
        )
        named, billed, answers = row or (0, 0, 0)
        return ServiceCosts(int(named or 0), int(billed or 0), int(answers or 0))  # type: ignore[call-overload]

    def shards(self) -> list[ExpectedShard]:
        """Request files that are still needed or not cleaned yet."""
        rows = self._db.execute(
            "SELECT shard_key, state, checksum FROM shards WHERE cleaned = 0 "
            "AND checksum IS NOT NULL AND state <> 'DISSOLVED' ORDER BY id"
        )
        return [ExpectedShard(*row) for row in rows]

    def batches(self) -> list[ExpectedBatch]:
        """Settled batches with results.

        Groups of online requests and files that came back have no file at the service: what they
        were billed for came from a raw file here.
        """
        rows = self._db.execute(
            "SELECT s.shard_key, b.batch_id, COALESCE(b.output_file_id, '') <> '' OR "
            "((b.role = 'file' OR s.shard_key LIKE ? || '%') AND EXISTS (SELECT 1 FROM answers a "
            "WHERE a.batch = b.id AND a.prompt_tokens IS NOT NULL)), b.error_file_id, "
            "b.generation, b.role = 'file' AND s.spec IS NULL "
            "FROM batches b JOIN shards s ON s.id = b.shard "
            "WHERE b.state IN ('downloaded', 'settled') ORDER BY b.id",
            (ONLINE,),
        )
        return [
            ExpectedBatch(key, batch, bool(out), bool(err), int(generation), bool(foreign))
            for key, batch, out, err, generation, foreign in rows
        ]


def _is_identity_of(key: bytes, canonical: str) -> bool:
    """Compare an identity with the canonical JSON that it is the hash of."""
    try:
        value = json.loads(canonical)
    except ValueError:
        return False
    return isinstance(value, dict) and hash_of(value) == key
