"""Contradictions of the ledger in itself, for `verify`; reads only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from msgspec import Struct

from pipeline.core.identity import custom_ids
from pipeline.core.reading_rules import CURRENT
from pipeline.ledger.answer_row import (
    CELLS,
    WORTH_CHECKSUM,
    answer_checksum,
    raw_part,
    worth_checksum,
    worth_of,
)
from pipeline.ledger.contradictions import CONTRADICTIONS, POSSIBLE, UNBALANCED
from pipeline.ledger.database import Database
from pipeline.ledger.identities import wrong_identities
from pipeline.ledger.integrity import integrity
from pipeline.ledger.online_groups import ONLINE
from pipeline.ledger.seals import broken_seals
from pipeline.records import Nano


class ExpectedShard(Struct, frozen=True):
    """Request file that should be there, with its checksum."""

    shard_key: str
    state: str
    checksum: bytes


class ExpectedBatch(Struct, frozen=True):
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


_PAGE = 1_000  # answers
_ROUNDING = 1_000  # nano-dollars; services name their cost in millionths of a dollar


class AuditedAnswer(NamedTuple):
    """Answer as the ledger has it.

    Attributes:
        custom_id: of its request.
        rules: version of the rules that it was read by.
        checksum: of the cells when it came; None for answers of version 0.1.0.
        cells: as `answer_row.CELLS` names them.
    """

    custom_id: str
    rules: int
    checksum: bytes | None
    cells: tuple[object, ...]

    @property
    def outcome(self) -> str:
        """Outcome of the request."""
        return str(self.cells[0])

    @property
    def code(self) -> str:
        """Service's error code, or the finish_reason."""
        return str(self.cells[CELLS.index("code")])

    @property
    def is_sound(self) -> bool:
        """Tell whether the row is as it was recorded, where it has a checksum."""
        if self.checksum is not None and len(self.checksum) == WORTH_CHECKSUM:
            return self.checksum == worth_checksum(worth_of(self.cells))
        return self.checksum in (None, answer_checksum(self.cells))

    def agrees(self, cells: Sequence[object]) -> bool:
        """Compare it with its raw answer, read as `cells`; what earlier versions did not record
        of an answer is not compared."""
        if self.checksum is None or len(self.checksum) == WORTH_CHECKSUM:
            return worth_of(self.cells) == worth_of(cells)
        return raw_part(self.cells) == raw_part(cells)


class ServiceCosts(Struct, frozen=True):
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
    """Checks of the whole ledger against itself, for `captionmill verify`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def contradictions(self) -> Iterator[str]:
        """Sentences about rows that contradict each other."""
        yield from integrity(self._db)
        for words, sql in CONTRADICTIONS:
            count = self._db.number(sql)
            if count:
                yield f"{words}: {count:,}"
        yield from wrong_identities(self._db)
        for table, count in broken_seals(self._db):
            yield f"{table} that changed since they were closed: {count:,}"
        for batch_id, settled, charged in self._db.execute(UNBALANCED):
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
        """Answers of a batch, in the order of their works, which needs no sorting."""
        rows = self._db.execute(
            "SELECT w.work_key, a.attempt, COALESCE(a.rules, 1), a.checksum, "
            f"{', '.join(f'a.{name}' for name in CELLS)} "
            "FROM answers a CROSS JOIN works w ON w.id = a.work WHERE a.batch = ? "
            f"AND {POSSIBLE} ORDER BY a.work, a.attempt",
            (batch,),
        )
        while page := rows.fetchmany(_PAGE):
            names = _names([row[0] for row in page], [row[1] for row in page])
            for name, (_, _, rules, checksum, *cells) in zip(names, page, strict=True):
                yield AuditedAnswer(name, rules, checksum, tuple(cells))

    def booking(self, batch: int) -> tuple[int, int | None, dict[str, Nano]]:
        """Rules by which the answers of a batch were read, when they came, and the nano-dollars of
        those that count at their highest cost, by custom_id."""
        row = self._db.one(
            "SELECT MIN(COALESCE(a.rules, 1)), MAX(a.received_at) FROM answers a "
            f"WHERE a.batch = ? AND {POSSIBLE}",
            (batch,),
        )
        rules, received_at = row or (None, None)
        highest = self._db.execute(
            "SELECT w.work_key, a.attempt, i.worst FROM answers a JOIN works w ON w.id = a.work "
            "JOIN batches b ON b.id = a.batch JOIN items i ON i.shard = b.shard "
            "AND i.work = a.work AND i.attempt = a.attempt WHERE a.batch = ? "
            f"AND {POSSIBLE} AND (a.billed IS NULL OR a.outcome = 'missing') "
            "AND i.worst IS NOT NULL",
            (batch,),
        ).fetchall()
        names = _names([key for key, _, _ in highest], [attempt for _, attempt, _ in highest])
        costs = dict(zip(names, [cost for _, _, cost in highest], strict=True))
        return rules or CURRENT, received_at, costs  # type: ignore[return-value]

    def service_costs(self) -> ServiceCosts:
        """Answers that cost something else by the service's own words than by tokens and prices."""
        row = self._db.one(
            "SELECT SUM(service_cost), SUM(billed), COUNT(*) FROM answers "
            "WHERE service_cost <> billed AND ABS(service_cost - billed) > ?",
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


def _names(keys: Sequence[bytes], attempts: Sequence[int]) -> Sequence[str]:
    """Ids of requests; of damaged keys, which are no request's, words that are no id."""
    try:
        return custom_ids(keys, attempts)
    except ValueError:
        return [f"{key.hex()} {attempt}" for key, attempt in zip(keys, attempts, strict=True)]
