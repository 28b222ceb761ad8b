"""Settling: the answers of a batch and their charges, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

from pipeline.core.calibration import Calibration
from pipeline.core.reading_rules import CURRENT
from pipeline.core.retry import RetryRule
from pipeline.ledger.batch_bill import record_beyond
from pipeline.ledger.batches import Batch
from pipeline.ledger.database import Database
from pipeline.ledger.handed_out import HandedOut
from pipeline.ledger.page_cache import small_cache
from pipeline.ledger.planned import Planned, planned_lines
from pipeline.ledger.reservations import Reservations
from pipeline.ledger.seals import seal_reservations, set_seal
from pipeline.ledger.settled import Lines, PricedAnswer, Settled
from pipeline.ledger.settling import Settling
from pipeline.ledger.shards import Shard
from pipeline.ledger.unknown_costs import share_out
from pipeline.records import Nano
from pipeline.system.collector import collector_paused

__all__ = ["Answers", "Ending", "Lines", "PricedAnswer", "Settled"]

Ending = Literal["whole", "open", "lost"]
"""How a batch ends with the answers that are here."""

_SAMPLED = 4000  # captions at least: one that a fiftieth share is in it 80 times


class Answers:
    """Tables `answers` and `calibration`."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._reservations = Reservations(database)
        self._handed_out = HandedOut(database)

    @contextmanager
    def settling(self) -> Iterator[None]:
        """Transaction of `planned` and `settle`: each id that is written has been read, so nobody
        looks it up again, and each table is walked in the order of the works."""
        with (
            collector_paused(),
            small_cache(self._db),
            self._db.trusted_references(),
            self._db.transaction("settle"),
        ):
            yield

    def settle(
        self,
        shard: Shard,
        batch: Batch,
        answers: Iterable[Lines],
        rules: Mapping[str, RetryRule],
        now: int,
        read_by: int = CURRENT,
        ends: Callable[[], Ending] = lambda: "whole",
        planned: Planned | None = None,
    ) -> Settled:
        """Keep all answers of a batch, charge them, close its reservation, free its items.

        `answers` is read inside the transaction: when it raises, nothing is kept. `read_by` is the
        version of the rules they are read by. Then `ends` says how the batch ends with them: an
        "open" one keeps its reservation and may be settled again with what comes later, of a "lost"
        one nobody knows what it cost. `planned` is what `planned_lines` gives in this transaction.
        """
        with self._db.transaction("settle"):
            planned = planned_lines(self._db, shard, batch) if planned is None else planned
            settling = Settling(self._db, shard, batch, rules, now, read_by, planned)
            for lines in answers:
                settling.take(lines)
            settled = settling.finish()
            end = ends()
            if end == "open":
                return settled
            beyond, words = record_beyond(self._db, shard, batch)
            settled.add_beyond(batch.batch_id, shard.max_cost, beyond, words)
            charged = settled.charged
            lost = end == "lost" or (batch.vanished_at is not None and not self._any(batch))
            shared = share_out(self._db, shard, batch) if charged is None and not lost else 0
            if shared:
                settled.note_shared(batch.batch_id, shared)
            if shared or batch.late_since is not None:
                earlier = self._charged(batch)
                charged = None if earlier is None else earlier + beyond
            self._close(shard, batch, None if lost else charged, now, None if shared else planned)
        return settled

    def _close(
        self, shard: Shard, batch: Batch, charged: Nano | None, now: int, planned: Planned | None
    ) -> None:
        """Close a batch and its reservation, and its shard where it decides about that; what is
        closed is sealed. `planned`: the shard's items as they are, None to read them."""
        self._reservations.settle(shard.row, batch.booked_as, charged, now)
        self._db.execute(
            "UPDATE batches SET state = 'settled', settled_at = ? WHERE id = ?", (now, batch.row)
        )
        if batch.decides_shard(shard.generation):
            self._db.execute("UPDATE shards SET state = 'SETTLED' WHERE id = ?", (shard.row,))
        elif batch.role == "file":
            self._handed_out.narrow(shard.row, now)
        set_seal(self._db, "batches", batch.row)
        items = None if planned is None else planned.sealed_items()
        set_seal(self._db, "shards", shard.row, items)
        seal_reservations(self._db, shard.row)

    def planned(self, shard: Shard, batch: Batch) -> Planned:
        """Lines of a shard, as this batch finds them."""
        return planned_lines(self._db, shard, batch)

    def _any(self, batch: Batch) -> bool:
        return bool(self._db.one("SELECT 1 FROM answers WHERE batch = ? LIMIT 1", (batch.row,)))

    def _charged(self, batch: Batch) -> Nano | None:
        """Charges of all answers of a batch, also those of earlier looks; None when the cost of
        one is not known and nothing was reserved for it by itself."""
        row = self._db.one(
            "SELECT SUM(COALESCE(a.billed, i.worst)), "
            "SUM(COALESCE(a.billed, i.worst) IS NULL) FROM answers a "
            "LEFT JOIN items i ON i.shard = ? AND i.work = a.work AND i.attempt = a.attempt "
            "WHERE a.batch = ?",
            (batch.shard, batch.row),
        )
        charged, unknown = row or (0, 0)
        return None if unknown else int(charged or 0)  # type: ignore[call-overload]

    def count(self) -> int:
        """Number of answers recorded so far."""
        return self._db.number("SELECT COUNT(*) FROM answers")

    def count_missing(self, batch: int) -> int:
        """Number of requests of a batch that got no answer and may have been billed."""
        return self._db.number(
            "SELECT COUNT(*) FROM answers WHERE batch = ? AND outcome = 'missing'", (batch,)
        )

    def calibration(self) -> list[Calibration]:
        """Bills against what was counted, for each model."""
        return [
            Calibration(str(model), *map(int, sums))
            for model, *sums in self._db.execute(
                "SELECT model, estimated, billed, lines, guessed, guessed_billed "
                "FROM calibration WHERE lines > 0"
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

    def ask_again(self, key: bytes, attempts: int, spec: int) -> int:
        """Make a done work of `spec` pending again that was tried `attempts` times at most, where
        a present image shows it; gives 1 when it was one."""
        return self._db.execute(
            "UPDATE works SET state = 'pending', after = outcome WHERE work_key = ? AND spec = ? "
            "AND state = 'done' AND outcome IS NOT NULL AND attempts <= ? "
            "AND EXISTS (SELECT 1 FROM images i WHERE i.work = works.id AND i.present = 1)",
            (key, spec, attempts),
        ).rowcount

    def refusals(self, spec: int) -> list[tuple[str, int, str]]:
        """(code, number, words of one of them) of the works of a spec that failed for good and that
        `retry` would let go again."""
        rows = self._db.execute(
            "SELECT a.code, COUNT(*), MIN(a.reason) FROM works w JOIN answers a ON a.id = w.answer "
            "WHERE w.spec = ? AND w.state = 'done' AND w.outcome = 'failed' "
            "AND EXISTS (SELECT 1 FROM images i WHERE i.work = w.id AND i.present = 1) GROUP BY 1",
            (spec,),
        )
        return [(str(code), int(times), str(words)) for code, times, words in rows]

    def max_cost(self, outcomes: Iterable[str]) -> int:
        """Nano-dollars that `retry` of these outcomes may cost, by what was reserved the last time;
        0 where no price is known."""
        marks = list(outcomes)
        return self._db.number(
            "SELECT SUM((SELECT i.worst FROM items i WHERE i.work = w.id "
            "ORDER BY i.id DESC LIMIT 1)) "
            f"FROM works w WHERE state = 'done' AND outcome IN ({', '.join('?' * len(marks))}) "
            "AND EXISTS (SELECT 1 FROM images i WHERE i.work = w.id AND i.present = 1)",
            marks,
        )

    def captioned(self, spec: int) -> int:
        """Number of contents with a caption under a spec."""
        return self._db.number(
            "SELECT COUNT(*) FROM works WHERE spec = ? AND outcome = 'captioned'", (spec,)
        )

    def repeated_captions(self, spec: int, captioned: int, at_least: int) -> list[tuple[str, int]]:
        """Captions that many different contents share, most frequent first (at most 20).

        Of many captions a sample is sorted, and all are counted only where that repeats some.

        Args:
            captioned: number of contents with a caption under the spec.
            at_least: contents that share a caption; a hundredth of `captioned` or more.
        """
        apart = max(1, captioned // _SAMPLED)
        if apart == 1:
            return self._shared(spec, "?", 1, at_least)
        expected = at_least // apart
        sampled = self._shared(spec, "w.id % ? = 0", apart, max(2, expected // 4))
        if not sampled:
            return []
        captions = json.dumps([caption for caption, _ in sampled])
        among_them = "a.caption IN (SELECT value FROM json_each(?))"
        return self._shared(spec, among_them, captions, at_least)

    def _shared(
        self, spec: int, condition: str, value: int | str, at_least: int
    ) -> list[tuple[str, int]]:
        rows = self._db.execute(
            "SELECT a.caption, COUNT(*) FROM works w JOIN answers a ON a.id = w.answer "
            f"WHERE w.spec = ? AND w.outcome = 'captioned' AND {condition} GROUP BY a.caption "
            "HAVING COUNT(*) >= ? ORDER BY 2 DESC LIMIT 20",
            (spec, value, at_least),
        )
        return [(str(caption), int(count)) for caption, count in rows]
