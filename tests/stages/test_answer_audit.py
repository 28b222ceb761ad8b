from __future__ import annotations

from pathlib import Path

from pipeline.core.wire_format import OPENAI_FORMAT
from pipeline.stages.answer_audit import audit_answers
from pipeline.stages.whole_endings import take_declared
from tests.stages.scene import Scene
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
