"""Comparison of the ledger's answers with the raw answers that they came from; changes nothing.

Each answer is read again by the rules that it was read by, so that what an earlier version took is
no damage; what today's rules would read otherwise is counted apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.core.answer import BadLine
from pipeline.core.answer_schema import AnswerSchema
from pipeline.core.identity import WorkAttempt, custom_id, parse_custom_id
from pipeline.core.outcomes import PAID_OUTCOMES
from pipeline.core.reading_rules import CURRENT, ReadingRules
from pipeline.core.wire_format import WireFormat
from pipeline.core.words import counted
from pipeline.errors import BooksError, StorageError
from pipeline.ledger import Ledger
from pipeline.ledger.answer_row import answer_cells, worth_of
from pipeline.ledger.audit import AuditedAnswer
from pipeline.ledger.batches import Batch
from pipeline.ledger.page_cache import small_cache
from pipeline.ledger.specs import schema_of_names
from pipeline.records import Answer
from pipeline.stages import raw_files
from pipeline.system.workspace import Workspace

_CURE = "move ledger.db away, then 'captionmill rebuild' reads them again"
_LOST = "no raw file here holds them: restore an older copy of ledger.db"


@dataclass(slots=True)
class AnswerAudit:
    """Result of a comparison.

    Attributes:
        answers: how many were compared with a raw file.
        otherwise: how many of them today's rules would read otherwise.
        findings: what is wrong, as sentences that name the cure.
    """

    answers: int = 0
    otherwise: int = 0
    findings: list[str] = field(default_factory=list)

    def add(self, batch: Batch, number: list[WorkAttempt], words: str, cure: str) -> None:
        """Add a finding about some answers of a batch; none for no answers."""
        if number:
            first = custom_id(number[0].work_key, number[0].attempt)
            self.findings.append(
                f"batch {batch.batch_id}: {counted(len(number), 'answer')} {words} (first: "
                f"{first}); {cure}"
            )


def audit_answers(ledger: Ledger, workspace: Workspace, wire_format: WireFormat) -> AnswerAudit:
    """Compare the answers of all settled batches."""
    audit = AnswerAudit()
    with small_cache(ledger.database):
        _audit_batches(audit, ledger, workspace, wire_format)
    return audit


def _audit_batches(
    audit: AnswerAudit, ledger: Ledger, workspace: Workspace, wire_format: WireFormat
) -> None:
    for batch in ledger.batches.in_states("settled", "cleaned"):
        key = ledger.shards.get(batch.shard).shard_key
        answers = {one.attempt: one for one in ledger.audit.answers(batch.row)}
        paths = [workspace.answers(key, batch.batch_id, kind) for kind in ("output", "error")]
        paths = [path for path in paths if path.is_file()]
        changed = [one.attempt for one in answers.values() if not one.is_sound]
        words = "in the ledger changed since they came"
        audit.add(batch, changed, words, _CURE if paths else _LOST)
        if paths:
            _compare(audit, ledger, batch, paths, answers, wire_format, set(changed))


def _compare(
    audit: AnswerAudit,
    ledger: Ledger,
    batch: Batch,
    paths: list[Path],
    answers: dict[WorkAttempt, AuditedAnswer],
    wire_format: WireFormat,
    changed: set[WorkAttempt],
) -> None:
    try:
        raw, otherwise = _read_again(ledger, batch, paths, answers, wire_format)
    except BooksError as error:
        audit.findings.append(str(error))
        return
    except StorageError:
        return  # said with the raw file itself
    audit.answers += len(raw)
    audit.otherwise += otherwise
    differing = [
        attempt
        for attempt, answer in raw.items()
        if attempt in answers and not answers[attempt].agrees(_cells(answer))
    ]
    words = "in the ledger differ from their raw answers"
    audit.add(batch, [one for one in differing if one not in changed], words, _CURE)
    audit.add(batch, [one for one in raw if one not in answers], "not in the ledger", _CURE)
    unfounded = [
        attempt
        for attempt, row in answers.items()
        if attempt not in raw and row.outcome in PAID_OUTCOMES
    ]
    audit.add(batch, unfounded, "in the ledger and in no raw file", _CURE)


def _read_again(
    ledger: Ledger,
    batch: Batch,
    paths: list[Path],
    answers: dict[WorkAttempt, AuditedAnswer],
    wire_format: WireFormat,
) -> tuple[dict[WorkAttempt, Answer], int]:
    """(raw answers by the rules that each was read by, how many today's rules read otherwise)."""
    shard = ledger.shards.get(batch.shard)
    named = schema_of_names(shard.fields)
    try:
        schema = ledger.specs.answer_schema(shard.spec) or named
    except ValueError:
        schema = named  # the spec itself is damaged, which the ledger's contradictions say
    # words that were declared whole when these were taken
    words = frozenset(
        one.code.strip().lower() for one in answers.values() if one.outcome == "captioned"
    )
    today = _by(ReadingRules(CURRENT, words), paths, schema, wire_format)
    raw, otherwise = dict(today), 0
    for version in {one.rules for one in answers.values()} - {CURRENT}:
        read = _by(ReadingRules(version, words), paths, schema, wire_format)
        older = {one: read[one] for one in read if one in answers and answers[one].rules == version}
        otherwise += sum(
            worth_of(_cells(one)) != worth_of(_cells(today[name])) for name, one in older.items()
        )
        raw |= older
    return raw, otherwise


def _by(
    rules: ReadingRules, paths: list[Path], schema: AnswerSchema, wire_format: WireFormat
) -> dict[WorkAttempt, Answer]:
    return _best(_read(paths, schema, wire_format, rules), rules.version)


def _read(
    paths: list[Path], schema: AnswerSchema, wire_format: WireFormat, rules: ReadingRules
) -> Iterator[tuple[WorkAttempt, Answer]]:
    for path in paths:
        for _, line in raw_files.lines_of(path):
            answer = wire_format.judge(line, schema, rules)
            attempt = None if isinstance(answer, BadLine) else parse_custom_id(answer.custom_id)
            if attempt is not None and isinstance(answer, Answer):
                yield attempt, answer


def _best(answers: Iterator[tuple[WorkAttempt, Answer]], version: int) -> dict[WorkAttempt, Answer]:
    """One answer for each request; the first line counted before version 2."""
    best: dict[WorkAttempt, Answer] = {}
    for attempt, answer in answers:
        first = best.get(attempt)
        paid = first is None or first.outcome in PAID_OUTCOMES
        if first is None or (version > 1 and not paid and answer.outcome in PAID_OUTCOMES):
            best[attempt] = answer
    return best


def _cells(answer: Answer) -> tuple[object, ...]:
    """Cells of the ledger of a raw answer, but for what a price decides."""
    *cells, _ = answer_cells(answer, None, None)
    return tuple(cells)
