"""Reading of raw output and error files into priced answers; changes nothing.

Every line of both files is judged; what was sent and is in neither gets an explicit outcome.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.core.answer import BadLine
from pipeline.core.answer_schema import AnswerSchema
from pipeline.core.batch_errors import BatchFailure
from pipeline.core.batch_results import (
    BatchCounts,
    Doubt,
    Inspection,
    LineCounts,
    doubt_about,
)
from pipeline.core.identity import ANSWER_FILE, WorkAttempt, custom_id, parse_custom_id
from pipeline.core.lifecycle import absent_outcome
from pipeline.core.outcomes import PAID_OUTCOMES
from pipeline.core.pricing import PriceSheet, line_cost
from pipeline.core.reading_rules import TODAY, ReadingRules
from pipeline.core.wire_format import OPENAI_FORMAT, WireFormat
from pipeline.ledger import Ledger
from pipeline.ledger.answers import Ending, PricedAnswer
from pipeline.ledger.batches import Batch
from pipeline.ledger.online_groups import is_online
from pipeline.ledger.shards import Shard
from pipeline.records import Answer
from pipeline.stages.raw_files import lines_of

_REPORTED = 20  # incidents of one kind that are spelled out for one batch
_UNRUN = ("expired", "cancelled")


class Unexplained(Exception):
    """Files that do not explain their batch yet: nothing of it is final."""

    def __init__(self, doubt: Doubt) -> None:
        super().__init__(doubt.text)
        self.doubt = doubt


@dataclass(slots=True)
class ReadReport:
    """Oddities of a batch's files: (kind, sentence).

    Attributes:
        doubt: requests without an answer that keep the batch open, None for a whole one.
        lost: a person ended a batch that does not decide about its shard: what it may have been
            billed beyond its answers is not known.
    """

    incidents: list[tuple[str, str]] = field(default_factory=list)
    doubt: Doubt | None = None
    lost: bool = False
    _counts: dict[str, int] = field(default_factory=dict)

    def note(self, kind: str, text: str) -> None:
        """Add an oddity; a flood of one kind is cut short."""
        self._counts[kind] = self._counts.get(kind, 0) + 1
        if self._counts[kind] <= _REPORTED:
            self.incidents.append((kind, text))

    def ends(self) -> Ending:
        """Decide how the batch ends with what was read."""
        if self.doubt is not None:
            return "open"
        return "lost" if self.lost else "whole"


def read_answers(
    ledger: Ledger,
    shard: Shard,
    batch: Batch,
    paths: Iterable[Path],
    failure: BatchFailure | None,
    report: ReadReport,
    wire_format: WireFormat = OPENAI_FORMAT,
    rules: ReadingRules = TODAY,
    inspection: Inspection = Inspection(),  # noqa: B008 frozen
) -> Iterator[PricedAnswer]:
    """Answers of a batch, priced; then an explicit outcome for what is in neither file.

    No complete line is lost: of several for one id the first that was paid for counts, wherever it
    stands, those of unknown ids are yielded too.

    Raises:
        Unexplained: the files do not explain the batch yet; what was yielded is not final.
        DamagedFile: a file was damaged since it was stored.
    """
    reading = _Reading(ledger, shard, batch, report)
    yield from reading.replies(paths, wire_format, rules)
    doubt = reading.doubt(inspection)
    verdict = inspection.verdict(doubt)
    if doubt is not None and verdict == "again":
        raise Unexplained(doubt)
    report.doubt = doubt if verdict == "person" else None
    yield from reading.errors()
    open_doubt = doubt is not None and not doubt.passes
    if batch.leads(shard.generation):
        yield from reading.absent(failure, may_have_run=open_doubt)
    elif open_doubt:
        report.lost = True


class _Reading:
    """One reading of a batch's files."""

    def __init__(
        self,
        ledger: Ledger,
        shard: Shard,
        batch: Batch,
        report: ReadReport,
    ) -> None:
        self._shard, self._batch, self._report = shard, batch, report
        self._sheet = PriceSheet.from_text(shard.prices) if shard.prices else None
        # what no service lists: groups of online requests, and files from wherever
        self._group = is_online(batch.batch_id)
        self._judged = not self._group and not batch.batch_id.startswith(ANSWER_FILE)
        self._max_cost = {
            WorkAttempt(key, attempt): highest if self._group else None
            for _, key, attempt, _, highest in ledger.shards.items(shard.row)
        }
        named = AnswerSchema(tuple(json.loads(shard.fields or "[]")))
        self._schema = ledger.specs.answer_schema(shard.spec) or named
        self._first: dict[WorkAttempt, Answer] = {}  # of each request; a paid one, if there is any

    def replies(
        self, paths: Iterable[Path], wire_format: WireFormat, rules: ReadingRules
    ) -> Iterator[PricedAnswer]:
        """Answers that were paid for. Errors wait for the end: a tool that asks again writes the
        failure first."""
        lines = _lines(paths, self._schema, self._report, wire_format, rules)
        for attempt, answer in _known(lines, self._max_cost, self._batch, self._report):
            first, paid = self._first.get(attempt), answer.outcome in PAID_OUTCOMES
            if first is not None and not (paid and first.outcome not in PAID_OUTCOMES):
                _second_line(self._batch, answer, first, self._report)
                continue
            self._first[attempt] = answer
            if paid:
                yield self._priced(attempt, answer)

    def errors(self) -> Iterator[PricedAnswer]:
        """Answers that say why there is none."""
        for attempt, answer in self._first.items():
            if answer.outcome not in PAID_OUTCOMES and not self._is_silent(answer):
                yield self._priced(attempt, answer)

    def _is_silent(self, answer: Answer) -> bool:
        """Tell a line that explains nothing; in a group's journal it says that no answer
        came."""
        return answer.outcome == "missing" and not self._group

    def _priced(self, attempt: WorkAttempt, answer: Answer) -> PricedAnswer:
        billed = _billed(answer, self._sheet, self._report)
        if answer.outcome == "missing":  # online: sent, and no answer came
            billed = self._max_cost.get(attempt)
        return PricedAnswer(attempt.work_key, attempt.attempt, answer, billed)

    def doubt(self, inspection: Inspection) -> Doubt | None:
        """Doubt that these files leave about the batch."""
        if not self._judged:
            return None
        batch = self._batch
        counts = BatchCounts(
            batch.status,
            batch.total,
            batch.completed,
            batch.failed,
            inspection.began,
            bool(batch.problem),
        )
        requests = max(len(self._max_cost), self._shard.requests)
        return doubt_about(counts, requests, self._line_counts())

    def _line_counts(self) -> LineCounts:
        expected = self._max_cost.keys() or self._first.keys()
        kinds = Counter(
            "unrun"
            if answer.outcome in _UNRUN
            else "silent"
            if self._is_silent(answer)
            else "answered"
            if answer.outcome in PAID_OUTCOMES
            else "failed"
            for attempt, answer in self._first.items()
            if attempt in expected
        )
        return LineCounts(**kinds)

    def absent(self, failure: BatchFailure | None, *, may_have_run: bool) -> Iterator[PricedAnswer]:
        """Outcomes of requests without an answer, in a fixed order. One that may have run may have
        been billed: it is charged at its max cost, or where that is None, what was reserved for
        the batch is charged."""
        batch, lines = self._batch, self._line_counts()
        absent = [
            a for a in self._max_cost if a not in self._first or self._is_silent(self._first[a])
        ]
        for attempt in sorted(absent, key=lambda a: a.work_key):
            name = custom_id(attempt.work_key, attempt.attempt)
            silent = self._first.get(attempt)
            if failure is not None:
                code = failure.code or failure.kind
                answer = Answer(name, "failed", reason=failure.message, code=code)
            elif silent is not None:
                answer = silent
            else:
                outcome = (
                    "missing"
                    if may_have_run
                    else absent_outcome(
                        batch.status, lines.explained, batch.completed, batch.failed
                    )
                )
                reason = f"in no result file of the {batch.status} batch {batch.batch_id}"
                answer = Answer(name, outcome, reason=reason, code=outcome)
            billed = self._max_cost[attempt] if answer.outcome == "missing" else 0
            yield PricedAnswer(attempt.work_key, attempt.attempt, answer, billed)


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
