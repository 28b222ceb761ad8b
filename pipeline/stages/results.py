"""Reading of raw output and error files into priced answers; changes nothing.

Every line of both files is judged; what was sent and is in neither gets an explicit outcome.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core.answer import BadLine, fingerprint_of
from pipeline.core.batch_errors import BatchFailure
from pipeline.core.batch_results import (
    BatchCounts,
    Doubt,
    Inspection,
    LineCounts,
    doubt_about,
)
from pipeline.core.batch_usage import LineSums
from pipeline.core.identity import ANSWER_FILE, WorkAttempt, custom_id, parse_custom_id
from pipeline.core.lifecycle import absent_outcome
from pipeline.core.outcomes import PAID_OUTCOMES
from pipeline.core.reading_rules import TODAY, ReadingRules
from pipeline.core.wire_format import OPENAI_FORMAT, WireFormat
from pipeline.ledger import Ledger
from pipeline.ledger.answers import Lines, PricedAnswer
from pipeline.ledger.batches import Batch
from pipeline.ledger.online_groups import is_online
from pipeline.ledger.planned import Planned
from pipeline.ledger.settled import OrdinaryPage
from pipeline.ledger.shards import Shard
from pipeline.ledger.specs import schema_of_names
from pipeline.records import Answer, Nano
from pipeline.stages.answer_pages import AnswerPage, answer_pages
from pipeline.stages.first_answers import FirstAnswers
from pipeline.stages.line_bills import LineBills
from pipeline.stages.read_report import ReadReport, Unexplained

if TYPE_CHECKING:
    from pipeline.core.ordinary_answers import OrdinaryAnswers

_UNRUN = ("expired", "cancelled")


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
    planned: Planned | None = None,
) -> Iterator[Lines]:
    """Answers of a batch, priced; then an explicit outcome for what is in neither file.

    No complete line is lost: of several for one id the first that was paid for counts, wherever it
    stands, those of unknown ids are yielded too.

    Args:
        planned: the lines of the shard, where they are read already.

    Raises:
        Unexplained: the files do not explain the batch yet; what was yielded is not final.
        DamagedFile: a file was damaged since it was stored.
    """
    planned = ledger.answers.planned(shard, batch) if planned is None else planned
    reading = _Reading(ledger, shard, batch, report, planned)
    yield from reading.replies(paths, wire_format, rules)
    doubt = reading.doubt(inspection)
    verdict = inspection.verdict(doubt)
    if doubt is not None and verdict == "again":
        raise Unexplained(doubt)
    report.doubt = doubt if verdict == "person" else None
    yield from reading.errors()
    open_doubt = doubt is not None and not doubt.passes
    if batch.decides_shard(shard.generation):
        yield from reading.absent(failure, may_have_run=open_doubt)
    elif open_doubt:
        report.lost = True
    report.lost |= reading.holds_unknown()


class _Reading:
    """One reading of a batch's files."""

    def __init__(
        self,
        ledger: Ledger,
        shard: Shard,
        batch: Batch,
        report: ReadReport,
        planned: Planned,
    ) -> None:
        self._shard, self._batch, self._report, self._planned = shard, batch, report, planned
        self._bills = LineBills(shard.prices, report)
        # what no service lists: groups of online requests, and files from wherever
        self._group = is_online(batch.batch_id)
        self._judged = not self._group and not batch.batch_id.startswith(ANSWER_FILE)
        named = schema_of_names(shard.fields)
        self._schema = ledger.specs.answer_schema(shard.spec) or named
        self._first = FirstAnswers(len(planned))
        self._answered = 0  # lines of the shard, or of nobody's
        self._unpaid: dict[str, Answer] = {}  # first unpaid ones, by custom_id
        self._sums = LineSums()  # in vain where the service names no sums
        self._unexplained_tokens = 0  # of them, once all lines are read

    def replies(
        self, paths: Iterable[Path], wire_format: WireFormat, rules: ReadingRules
    ) -> Iterator[Lines]:
        """Answers that were paid for. Errors wait for the end: a tool that asks again writes the
        failure first."""
        for page in answer_pages(paths, wire_format, self._schema, rules):
            for part in page.parts():
                if isinstance(part, int):
                    yield from self._reply(*page.judged(part))
                else:
                    yield from self._replies_of(page, part)

    def _replies_of(self, page: AnswerPage, run: OrdinaryAnswers) -> Iterator[Lines]:
        """Replies of ordinary lines that follow each other: together, but for those that are not
        the first to a line of the shard."""
        in_shard = self._planned.positions.of(run.custom_ids)
        positions, others = self._first.take(in_shard, run.fingerprints())
        start = 0
        for passed, stop in enumerate((*others, len(run.numbers))):
            if start < stop:
                yield self._priced_page(
                    run.part(start, stop), positions[start - passed : stop - passed]
                )
            if stop < len(run.numbers):
                yield from self._reply(*page.judged(run.numbers[stop]))
            start = stop + 1

    def _priced_page(self, answers: OrdinaryAnswers, positions: list[int]) -> OrdinaryPage:
        tokens = answers.tokens
        self._answered += len(tokens)
        columns = [*zip(*tokens, strict=True)]
        self._sums.add_page(columns[0], columns[3])
        return OrdinaryPage(positions, answers, columns, [*map(self._bills.cost_of, tokens)])

    def _reply(self, judged: Answer | BadLine | None, where: str) -> Iterator[PricedAnswer]:
        """Answer of any line, when it counts and was paid for."""
        if judged is None:
            return
        if isinstance(judged, BadLine):
            self._report.note("bad_line", f"{where} cannot be read: {judged.reason}")
            return
        name, batch, planned = judged.custom_id, self._batch.batch_id, len(self._planned)
        attempt, position = parse_custom_id(name), self._planned.positions.get(name)
        if attempt is None or (planned and position is None):
            self._report.note("alien_line", f"batch {batch}: unknown id {name!r}")
        if attempt is None:
            return
        first, paid = self._first.fingerprint(name, position), judged.outcome in PAID_OUTCOMES
        before = self._unpaid.get(name)
        if first is None and (paid or before is None or before.outcome == "missing"):
            self._sum(judged)
            if not paid:
                self._first.note_unpaid(position)
                self._unpaid[name] = judged
                return
            self._unpaid.pop(name, None)
            self._first.note_paid(name, position, fingerprint_of(judged))
            self._answered += not planned or position is not None
            yield self._priced(attempt, judged)
        elif paid and fingerprint_of(judged) != first:  # the first one counts
            text = f"batch {batch}: a second, different line for {name}"
            self._report.note("different_duplicate", text)

    def _sum(self, answer: Answer) -> None:
        if answer.usage is not None:
            self._sums.add(answer.usage.prompt, answer.usage.completion)
        elif answer.ran:
            self._sums.known = False

    def errors(self) -> Iterator[PricedAnswer]:
        """Answers that say why there is none."""
        for name, answer in self._unpaid.items():
            if not self._is_silent(answer):
                yield self._priced(_attempt(name), answer)

    def _is_silent(self, answer: Answer) -> bool:
        """Recognise a line that explains nothing: an empty one (except in a group's journal, where
        it means that no answer came), or one that says that its request never ran while the service
        counts more than the others took."""
        if answer.outcome in _UNRUN and self._unexplained_tokens:
            return True
        return answer.outcome == "missing" and not self._group

    def _priced(self, attempt: WorkAttempt, answer: Answer) -> PricedAnswer:
        billed = self._bills.billed(answer)
        if answer.outcome == "missing":  # online: sent, and no answer came
            billed = self._max_cost(answer.custom_id)
        return PricedAnswer(attempt.work_key, attempt.attempt, answer, billed)

    def _max_cost(self, name: str) -> Nano | None:
        """Highest cost of a request that was reserved by itself."""
        position = self._planned.positions.get(name)
        return (
            self._planned.shared([position]).max_costs[0]
            if position is not None and self._group
            else None
        )

    def holds_unknown(self) -> bool:
        """Tell a group of which damage has left unknown what else it held."""
        gone = self._group and self._batch.vanished_at is not None
        return gone and len(self._planned) < self._shard.requests

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
        requests = max(len(self._planned), self._shard.requests)
        tokens, lines = self._sums.unexplained_by(batch.usage), self._line_counts()
        self._unexplained_tokens = tokens  # from here on
        return doubt_about(counts, requests, lines, tokens, incomplete=inspection.incomplete)

    def _line_counts(self) -> LineCounts:
        planned = self._planned.positions
        kinds = Counter(
            "unrun"
            if answer.outcome in _UNRUN
            else "silent"
            if self._is_silent(answer)
            else "failed"
            for name, answer in self._unpaid.items()
            if name in planned or not planned
        )
        return LineCounts(answered=self._answered, **kinds)

    def absent(self, failure: BatchFailure | None, *, may_have_run: bool) -> Iterator[PricedAnswer]:
        """Outcomes of requests without an answer, in a fixed order. One that may have run may have
        been billed: it is charged at its max cost, or where that is None, what was reserved for
        the batch is charged."""
        silent_answers = {
            n: answer for n, answer in self._unpaid.items() if self._is_silent(answer)
        }
        if self._first.has_all() and not silent_answers:
            return
        batch, lines = self._batch, self._line_counts()
        for position, attempt in self._planned.by_key():
            name = custom_id(*attempt)
            silent = silent_answers.get(name)
            if silent is None and self._first.has(position):
                continue
            if failure is not None:
                code = failure.code or failure.kind
                answer = Answer(name, "failed", reason=failure.message, code=code)
            elif silent is not None and silent.outcome == "missing":
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
            billed = self._max_cost(name) if answer.outcome == "missing" else 0
            yield PricedAnswer(attempt.work_key, attempt.attempt, answer, billed)


def _attempt(name: str) -> WorkAttempt:
    attempt = parse_custom_id(name)
    assert attempt is not None
    return attempt
