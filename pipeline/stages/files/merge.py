"""Merging of answers that come as files, from wherever the requests were run.

A file is sorted by the shards that its answers belong to; each part is made durable like a
service's output file, recorded as a batch of its own, and settled like any other.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct, field

from pipeline.core.answer import BadLine
from pipeline.core.answer_lines import split_lines
from pipeline.core.identity import ANSWER_FILE, WorkAttempt, parse_custom_id
from pipeline.core.lenient_json import Unreadable, parse_json
from pipeline.core.outcomes import PAID_OUTCOMES
from pipeline.core.words import counted
from pipeline.errors import UsageError
from pipeline.records import RemoteBatch
from pipeline.stages import raw_files
from pipeline.stages.batch_record import Booking, write_batch_record
from pipeline.stages.context import StageContext
from pipeline.stages.files.answer_file import answer_lines
from pipeline.stages.settle import settle_batch
from pipeline.stages.values import RunTotals
from pipeline.system.failpoints import reached
from pipeline.system.files import remove, remove_quietly, require_room, sha256_of

_FLUSH = 1 << 16  # bytes of a part that wait in memory: a file may hold a thousand shards
_LEFT_OUT = {
    "answered": "their requests are answered already",
    "under way": "their requests are under way at a service, the answers come from there",
    "foreign": "no request of captionmill",
    "no answer": "neither an answer nor an error of a known form, so they may have been billed: "
    "their requests stay handed over",
    "unreadable": "unreadable",
}


class Origin(Struct, frozen=True):
    """Model, and its unit prices as text (None: unknown), that are assumed of answers to foreign
    requests."""

    model: str
    prices: str | None


class _Part(Struct):
    """Lines of one file that belong to one shard.

    Attributes:
        shard: its row, 0 for a shard that is made for foreign requests.
        foreign: those requests.
    """

    shard: int
    shard_key: str
    batch_id: str
    path: Path
    waiting: bytearray = field(default_factory=bytearray)
    foreign: list[WorkAttempt] = field(default_factory=list)

    def add(self, line: bytes) -> None:
        """Add a line."""
        self.waiting += line + b"\n"
        if len(self.waiting) >= _FLUSH:
            self.flush()

    def flush(self) -> None:
        """Write the waiting lines; the file is opened each time, as there may be many parts."""
        with self.path.open("ab") as handle:
            handle.write(self.waiting)
        self.waiting.clear()


def merge_file(context: StageContext, path: Path, origin: Origin, totals: RunTotals) -> None:
    """Settle the answers of one file; what it does not answer stays as it is.

    Raises:
        UsageError: the file cannot be read, or holds requests.
        StorageError: no room for it here.
    """
    _settle(context, totals)  # what a kill left: its requests count as answered from here on
    try:
        require_room(context.workspace.root, path.stat().st_size)
        digest = sha256_of(path).hex()[:16]
        parts = _Parts(context, digest)
        spare = context.workspace.raw / f"_file-{digest}.lines"
        with parts.temporary(), answer_lines(path, spare) as stream:
            _refuse_requests(path, stream)
            parts.sort(stream)
            parts.record(origin)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None
    for reason, words in _LEFT_OUT.items():
        if parts.left_out[reason]:
            totals.note_problem(
                f"{path}: {counted(parts.left_out[reason], 'line')} left out: {words}"
            )
    _settle(context, totals)


def _settle(context: StageContext, totals: RunTotals) -> None:
    """Settle every file of answers that is safe here."""
    for batch in context.ledger.batches.in_states("downloaded"):
        context.check_stop()
        settle_batch(context, batch, totals)


def _refuse_requests(path: Path, stream: BinaryIO) -> None:
    """Refuse a file of requests, which holds no answers."""
    for _, raw in split_lines(stream):
        with contextlib.suppress(Unreadable):
            line = parse_json(raw)
            if isinstance(line, dict) and "response" not in line and _is_request(line.get("body")):
                raise UsageError(
                    f"{path} holds requests, not answers: run it, then name the output file"
                )
        break
    stream.seek(0)


def _is_request(body: object) -> bool:
    return isinstance(body, dict) and ("messages" in body or "input" in body)


class _Parts:
    """Lines of one file, sorted by shard."""

    def __init__(self, context: StageContext, digest: str) -> None:
        self.left_out: Counter[str] = Counter()
        self._context = context
        self._digest = digest
        self._parts: dict[int, _Part] = {}

    def sort(self, stream: BinaryIO) -> None:
        """Add every line to the part of its shard, or count why not."""
        for _, raw in split_lines(stream):
            self._context.check_stop()
            answer = self._context.wire_format.judge(raw)
            if isinstance(answer, BadLine):
                self.left_out["unreadable"] += 1
                continue
            attempt = parse_custom_id(answer.custom_id)
            if attempt is None:
                self.left_out["foreign"] += 1
                continue
            if answer.outcome == "missing":
                self.left_out["no answer"] += 1
                continue
            place = self._context.ledger.handed_out.find(attempt.work_key, attempt.attempt)
            if place.state == "failed" and answer.outcome not in PAID_OUTCOMES:
                self.left_out["answered"] += 1
                continue
            if place.state in ("answered", "under way"):
                self.left_out[place.state] += 1
                continue
            part = self._part(place.shard)
            part.add(raw)
            if not place.shard:
                part.foreign.append(attempt)

    def _part(self, shard: int) -> _Part:
        if shard not in self._parts:
            key = f"{ANSWER_FILE}{self._digest}"
            if shard:
                key = self._context.ledger.shards.get(shard).shard_key
            batch_id = f"{ANSWER_FILE}{self._digest}-{key}"
            path = self._context.workspace.raw / f"_{key}.{batch_id}.part"
            remove(path)
            self._parts[shard] = _Part(shard, key, batch_id, path)
        return self._parts[shard]

    def record(self, origin: Origin) -> None:
        """Make every part durable, then record it."""
        for part in self._parts.values():
            part.flush()
            raw = self._context.workspace.answers(part.shard_key, part.batch_id, "output")
            raw_files.store_compressed(part.path, raw)
            if part.shard:
                self._write_batch_record(part)
        reached("merge.before_record")
        with self._context.ledger.database.transaction("merge"):
            for part in self._parts.values():
                self._record_part(part, origin)

    def _record_part(self, part: _Part, origin: Origin) -> None:
        ledger, now = self._context.ledger, self._context.clock.now()
        shard = part.shard or ledger.handed_out.adopt(
            part.shard_key, origin.model, origin.prices, now
        )
        ledger.adoption.add_lines(shard, part.foreign)
        batch = ledger.handed_out.arrived(part.batch_id, shard, now)
        # nothing more is reserved: the shard's own reservation covers it until it is settled
        ledger.reservations.record_unasked(shard, -batch, 0, self._context.scope())

    def _write_batch_record(self, part: _Part) -> None:
        """Write what `rebuild` needs: to it, the file is the output of a batch that is over."""
        now, shard = self._context.clock.now(), self._context.ledger.shards.get(part.shard)
        remote = RemoteBatch(part.batch_id, "completed", "", part.batch_id, None, now)
        booking = Booking(received_at=now)
        write_batch_record(self._context, shard, shard.generation, remote, booking)

    @contextlib.contextmanager
    def temporary(self) -> Iterator[None]:
        """Remove the parts' temporary files in the end."""
        try:
            yield
        finally:
            for part in self._parts.values():
                remove_quietly(part.path)
