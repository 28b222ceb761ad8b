"""Reading of raw output and error files into priced answers; changes nothing.

Every line of both files is judged; what was sent and is in neither gets an explicit outcome.
"""

from __future__ import annotations

import gzip
import io
import json
import shutil
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.core.answer import BadLine, split_lines
from pipeline.core.answer_schema import AnswerSchema
from pipeline.core.batch_errors import BatchFailure
from pipeline.core.identity import WorkAttempt, custom_id, parse_custom_id
from pipeline.core.lifecycle import absent_outcome
from pipeline.core.outcomes import PAID_OUTCOMES
from pipeline.core.pricing import PriceSheet, line_cost
from pipeline.core.reading_rules import TODAY, ReadingRules
from pipeline.core.wire_format import OPENAI_FORMAT, WireFormat
from pipeline.errors import StorageError
from pipeline.ledger import Ledger
from pipeline.ledger.answers import PricedAnswer
from pipeline.ledger.batches import Batch
from pipeline.ledger.online_groups import is_online
from pipeline.ledger.shards import Shard
from pipeline.records import Answer
from pipeline.system.files import whole_file

_REPORTED = 20  # incidents of one kind that are spelled out for one batch


@dataclass(slots=True)
class ReadReport:
    """Oddities of a batch's files: (kind, sentence)."""

    incidents: list[tuple[str, str]] = field(default_factory=list)
    _counts: dict[str, int] = field(default_factory=dict)

    def note(self, kind: str, text: str) -> None:
        """Add an oddity; a flood of one kind is cut short."""
        self._counts[kind] = self._counts.get(kind, 0) + 1
        if self._counts[kind] <= _REPORTED:
            self.incidents.append((kind, text))


def store_compressed(source: Path, target: Path) -> None:
    """Store a raw file, durably and compressed."""
    with (
        source.open("rb") as plain,
        whole_file(target) as handle,
        # mtime 0: the same results give the same bytes
        gzip.GzipFile(fileobj=handle, mode="wb", compresslevel=3, mtime=0) as packed,
    ):
        shutil.copyfileobj(plain, packed, 1 << 20)


def read_answers(
    ledger: Ledger,
    shard: Shard,
    batch: Batch,
    paths: Iterable[Path],
    failure: BatchFailure | None,
    report: ReadReport,
    wire_format: WireFormat = OPENAI_FORMAT,
    rules: ReadingRules = TODAY,
) -> Iterator[PricedAnswer]:
    """Answers of a batch, priced; then an explicit outcome for what is in neither file.

    No complete line is lost: of several for one id the first that was paid for counts, wherever it
    stands, those of unknown ids are yielded too.
    """
    sheet = PriceSheet.from_text(shard.prices) if shard.prices else None
    max_cost = {
        WorkAttempt(key, attempt): highest if is_online(batch.batch_id) else None
        for _, key, attempt, _, highest in ledger.shards.items(shard.row)
    }
    expected = max_cost.keys()
    named = AnswerSchema(tuple(json.loads(shard.fields or "[]")))
    schema = ledger.specs.answer_schema(shard.spec) or named
    seen: set[WorkAttempt] = set()
    lines = _known(_lines(paths, schema, report, wire_format, rules), expected, batch, report)
    for attempt, answer in _best(lines, batch, report):
        seen.add(attempt)
        billed = _billed(answer, sheet, report)
        if answer.outcome == "missing":  # online: sent, and no answer came
            billed = max_cost.get(attempt)
        yield PricedAnswer(attempt.work_key, attempt.attempt, answer, billed)
    if batch.leads(shard.generation):
        ran = len(expected & seen)
        absent = {attempt: max_cost[attempt] for attempt in expected - seen}
        yield from _absent(batch, absent, ran, failure)


def _known(
    answers: Iterable[Answer], expected: Collection[WorkAttempt], batch: Batch, report: ReadReport
) -> Iterator[tuple[WorkAttempt, Answer]]:
    """Answers with the requests that they name; those of unknown ids are reported."""
    for answer in answers:
        attempt = parse_custom_id(answer.custom_id)
        if attempt is None or (expected and attempt not in expected):
            report.note("alien_line", f"batch {batch.batch_id}: unknown id {answer.custom_id!r}")
        if attempt is not None:
            yield attempt, answer


def _best(
    answers: Iterable[tuple[WorkAttempt, Answer]], batch: Batch, report: ReadReport
) -> Iterator[tuple[WorkAttempt, Answer]]:
    """One answer for each request: the first that was paid for, else the first."""
    first: dict[WorkAttempt, Answer] = {}
    unpaid: dict[WorkAttempt, Answer] = {}  # a tool that asks again writes the failure first
    for attempt, answer in answers:
        paid = answer.outcome in PAID_OUTCOMES
        if attempt in first and not (paid and attempt in unpaid):
            _second_line(batch, answer, first[attempt], report)
        elif paid:
            unpaid.pop(attempt, None)
            first[attempt] = answer
            yield attempt, answer
        else:
            first[attempt] = unpaid[attempt] = answer
    yield from unpaid.items()


def _lines(
    paths: Iterable[Path],
    schema: AnswerSchema,
    report: ReadReport,
    wire_format: WireFormat,
    rules: ReadingRules,
) -> Iterator[Answer]:
    for path in paths:
        for offset, raw in lines_of(path):
            judged = wire_format.judge(raw, schema, rules)
            if isinstance(judged, BadLine):
                report.note(
                    "bad_line",
                    f"{path.name}: the line at byte {offset} cannot be read: {judged.reason}",
                )
            else:
                yield judged


def lines_of(path: Path) -> Iterator[tuple[int, bytes]]:
    """Lines of a raw file, which was complete when it was stored, with their byte offsets.

    Raises:
        StorageError: it was damaged since.
    """
    try:
        # gzip's own readline is Python, a call for each line
        with gzip.open(path, "rb") as packed, io.BufferedReader(packed, 1 << 20) as stream:
            yield from split_lines(stream)
    except (OSError, EOFError, zlib.error) as error:
        raise StorageError(
            f"{path} is damaged ({error}): remove it, and the next run downloads it again"
        ) from error


def _second_line(batch: Batch, answer: Answer, first: Answer, report: ReadReport) -> None:
    """Report a second line for an id when it differs and was paid for; the first one counts."""
    if answer != first and answer.outcome in PAID_OUTCOMES:
        report.note(
            "different_duplicate",
            f"batch {batch.batch_id}: a second, different line for {answer.custom_id}",
        )


def _billed(answer: Answer, sheet: PriceSheet | None, report: ReadReport) -> int | None:
    """Exact cost of one line; None where it is unknown, and then its reservation is charged. A
    line that never ran costs nothing."""
    if answer.usage is None:
        return None if answer.ran else 0
    if sheet is None:
        return None
    try:
        return line_cost(answer.usage, sheet)
    except ValueError as error:
        report.note("impossible_usage", f"{answer.custom_id}: {error}")
        return None


def _absent(
    batch: Batch,
    absent: Mapping[WorkAttempt, int | None],
    lines: int,
    failure: BatchFailure | None,
) -> Iterator[PricedAnswer]:
    """Outcomes of requests without a line, in a fixed order. One that may have run may have been
    billed: it is charged at its max cost, or where that is None, what was reserved for the batch
    is charged."""
    for attempt in sorted(absent, key=lambda a: a.work_key):
        name = custom_id(attempt.work_key, attempt.attempt)
        if failure is not None:
            answer = Answer(
                name, "failed", reason=failure.message, code=failure.code or failure.kind
            )
        else:
            outcome = absent_outcome(batch.status, lines, batch.completed, batch.failed)
            reason = f"in no result file of the {batch.status} batch {batch.batch_id}"
            answer = Answer(name, outcome, reason=reason, code=outcome)
        billed = absent[attempt] if answer.outcome == "missing" else 0
        yield PricedAnswer(attempt.work_key, attempt.attempt, answer, billed)
