from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.core.wire_format import OPENAI_FORMAT
from pipeline.stages.answer_audit import AnswerAudit, audit_answers
from pipeline.stages.collect import collect_batches
from pipeline.stages.whole_endings import take_declared
from tests.stages.scene import Scene, sent
from tests.stages.test_whole_endings import answered


def test_declared_endings_are_read_as_they_were_declared(scene: Scene, tmp_path: Path) -> None:
    answered(scene, tmp_path, "stop", "eos", "odd", None)
    scene.rules(whole_endings=lambda _model: frozenset({"eos"}))
    assert take_declared(scene.context) == 1
    audit = audit_answers(scene.ledger, scene.workspace, OPENAI_FORMAT)
    assert (audit.answers, audit.otherwise, audit.findings) == (4, 0, [])
    sql = "UPDATE answers SET outcome = 'captioned', code = 'stop', checksum = NULL WHERE id = 3"
    scene.ledger.database.execute(sql)
    (finding,) = audit_answers(scene.ledger, scene.workspace, OPENAI_FORMAT).findings
    assert "1 answer in the ledger differ from their raw answers" in finding


@pytest.fixture
def settled(scene: Scene) -> Scene:
    """Three captions of one batch, and their raw answers."""
    sent(scene, 3)
    assert collect_batches(scene.context).answers == {"captioned": 3}
    return scene


def audited(scene: Scene) -> AnswerAudit:
    return audit_answers(scene.ledger, scene.workspace, OPENAI_FORMAT)


def test_sound_answers_are_counted_and_nothing_is_said(settled: Scene) -> None:
    assert audited(settled) == AnswerAudit(answers=3)
    settled.ledger.database.execute("UPDATE batches SET state = 'open'")
    assert audited(settled) == AnswerAudit(), "what is open is not settled by its files yet"


MADE = "INSERT INTO answers (work, attempt, batch, outcome, received_at) VALUES (1, 2, 1, '{}', 5)"


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("UPDATE answers SET caption = 'x' WHERE id < 3",
         "2 answers in the ledger changed since they came"),
        ("UPDATE answers SET caption = 'x', checksum = NULL WHERE id = 2",
         "1 answer in the ledger differ from their raw answers"),
        ("UPDATE works SET answer = NULL; DELETE FROM answers WHERE id = 3",
         "1 answer not in the ledger"),
        (MADE.format("refused"), "1 answer in the ledger and in no raw file"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_once_with_its_cure(settled: Scene, sql: str, words: str) -> None:
    for statement in sql.split("; "):
        settled.ledger.database.execute(statement)
    audit = audited(settled)
    assert audit.answers == 3
    (finding,) = audit.findings
    (batch,) = settled.ledger.batches.in_states("settled")
    assert finding.startswith(f"batch {batch.batch_id}: {words} (first: cm-")
    assert finding.endswith("; move ledger.db away, then 'captionmill rebuild' reads them again")


def test_an_answer_that_never_came_needs_no_raw_file(settled: Scene) -> None:
    settled.ledger.database.execute(MADE.format("missing"))
    assert audited(settled) == AnswerAudit(answers=3)


def test_without_a_raw_file_only_what_changed_is_known_and_lost(settled: Scene) -> None:
    for path in settled.workspace.raw.glob("*.gz"):
        path.unlink()
    assert audited(settled) == AnswerAudit()
    settled.ledger.database.execute("UPDATE answers SET caption = 'x' WHERE id = 1")
    (finding,) = audited(settled).findings
    assert finding.endswith("no raw file here holds them: restore an older copy of ledger.db")


def test_a_damaged_raw_file_is_said_where_files_are_checked(settled: Scene) -> None:
    for path in settled.workspace.raw.glob("*.gz"):
        path.write_bytes(b"no gzip")
    assert audited(settled) == AnswerAudit()
