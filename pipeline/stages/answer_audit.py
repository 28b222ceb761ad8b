"""Comparison of the ledger's answers with the raw answers that they came from; changes nothing.

Each answer is read again by the rules that it was read by, so that what an earlier version took is
no damage; what today's rules would read otherwise is counted apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct, field

from pipeline.core.answer import BadLine
from pipeline.core.outcomes import PAID_OUTCOMES
from pipeline.core.reading_rules import CURRENT, ReadingRules
from pipeline.core.wire_format import WireFormat
from pipeline.core.words import counted
from pipeline.errors import BooksError, StorageError
from pipeline.ledger import Ledger
from pipeline.ledger.batches import Batch
from pipeline.ledger.page_cache import small_cache
from pipeline.ledger.specs import schema_of_names
from pipeline.records import Say
from pipeline.stages.answer_comparison import AnswerComparison
from pipeline.stages.answer_pages import answer_pages
from pipeline.system.workspace import Workspace

_CURE = "move ledger.db away, then 'captionmill rebuild' reads them again"
_LOST = "no raw file here holds them: restore an older copy of ledger.db"


class AnswerAudit(Struct):
    """Result of a comparison.

    Attributes:
        answers: how many were compared with a raw file.
        otherwise: how many of them today's rules would read otherwise.
        findings: what is wrong, as sentences that name the cure.
    """

    answers: int = 0
    otherwise: int = 0
    findings: list[str] = field(default_factory=list)

    def add(self, batch: Batch, custom_ids: Sequence[str], words: str, cure: str) -> None:
        """Add a finding about some answers of a batch; none for no answers."""
        if custom_ids:
            self.findings.append(
                f"batch {batch.batch_id}: {counted(len(custom_ids), 'answer')} {words} (first: "
                f"{custom_ids[0]}); {cure}"
            )


def audit_answers(
    ledger: Ledger, workspace: Workspace, wire_format: WireFormat, at: Say = lambda _text: None
) -> AnswerAudit:
    """Compare the answers of all settled batches, one batch after the other."""
    audit = AnswerAudit()
    with small_cache(ledger.database):
        batches = ledger.batches.in_states("settled", "cleaned")
        for number, batch in enumerate(batches, 1):
            at(f"comparing the answers of batch {number:,} of {len(batches):,}")
            key = ledger.shards.get(batch.shard).shard_key
            paths = [workspace.answers(key, batch.batch_id, kind) for kind in ("output", "error")]
            _audit(audit, ledger, batch, [path for path in paths if path.is_file()], wire_format)
    return audit


def _audit(
    audit: AnswerAudit, ledger: Ledger, batch: Batch, paths: list[Path], wire_format: WireFormat
) -> None:
    rows = {row.custom_id: row for row in ledger.audit.answers(batch.row)}
    changed = {name: None for name, row in rows.items() if not row.is_sound}
    words = "in the ledger changed since they came"
    audit.add(batch, [*changed], words, _CURE if paths else _LOST)
    if not paths:
        return
    comparison = AnswerComparison(rows)
    try:
        _read_again(comparison, ledger, batch, paths, wire_format)
    except BooksError as error:
        audit.findings.append(str(error))
        return
    except StorageError:
        return  # said with the raw file itself
    audit.answers += len(comparison.read)
    audit.otherwise += comparison.otherwise
    differing = [name for name in comparison.differing if name not in changed]
    audit.add(batch, differing, "in the ledger differ from their raw answers", _CURE)
    audit.add(batch, comparison.unknown, "not in the ledger", _CURE)
    unfounded = [
        name
        for name, row in rows.items()
        if name not in comparison.read and row.outcome in PAID_OUTCOMES
    ]
    audit.add(batch, unfounded, "in the ledger and in no raw file", _CURE)


def _read_again(
    comparison: AnswerComparison,
    ledger: Ledger,
    batch: Batch,
    paths: list[Path],
    wire_format: WireFormat,
) -> None:
    shard = ledger.shards.get(batch.shard)
    named = schema_of_names(shard.fields)
    try:
        schema = ledger.specs.answer_schema(shard.spec) or named
    except ValueError:
        schema = named  # the spec itself is damaged, which the ledger's contradictions say
    rows = comparison.rows.values()
    # words that were declared whole when these were taken
    words = frozenset(row.code.strip().lower() for row in rows if row.outcome == "captioned")
    for version in (CURRENT, *sorted({row.rules for row in rows} - {CURRENT})):
        rules = ReadingRules(version, words)
        with comparison.reading(version):
            for page in answer_pages(paths, wire_format, schema, rules):
                for part in page.parts():
                    if not isinstance(part, int):
                        comparison.add_ordinary(part)
                        continue
                    answer, _ = page.judged(part)
                    if answer is not None and not isinstance(answer, BadLine):
                        comparison.add(answer)
