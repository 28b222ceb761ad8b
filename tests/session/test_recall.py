"""Recall as a function; whole runs are in tests/scenarios/test_rebuilt_tables.py."""

from __future__ import annotations

import shutil

import pytest

from pipeline.core.answer import JSON_UNWRAPPED, THOUGHTS_REMOVED
from pipeline.core.identity import WorkAttempt
from pipeline.ledger import Ledger
from pipeline.ledger.adoption import RecoveredShard
from pipeline.ledger.works import Content
from pipeline.session import recall
from pipeline.session.recall import FORMER_TABLE, recall_former
from pipeline.sources.remote import STALE_DOWNLOAD
from pipeline.sources.sidecar import TEXT_CUT
from pipeline.stages.values import CaptionTask
from pipeline.system.clock import Moment
from tests.ledger.world import NOW
from tests.rig import Rig
from tests.stages.scene import Scene


def test_flags_of_answers_sources_and_rows_are_of_no_preparation() -> None:
    others = {JSON_UNWRAPPED, THOUGHTS_REMOVED, STALE_DOWNLOAD, TEXT_CUT}
    assert others | {"usage_missing", "stale"} == recall.NOT_PREPARED


def adopted(ledger: Ledger, *keys: bytes) -> None:
    """Works of an adopted shard, of which only the keys are known."""
    lost = RecoveredShard("000009-12345678", 1, "gpt-6-luna", len(keys), 77, None, None)
    row = ledger.adoption.adopt(lost, Moment(NOW, "boot:5"))
    ledger.adoption.add_lines(row, [WorkAttempt(key, 1) for key in keys])


def test_nothing_is_recalled_without_a_former_table(scene: Scene) -> None:
    scene.add("a.png")
    scene.crawl()
    recall_former(scene.ledger, scene.task(), scene.said.append)
    assert scene.said == []
    assert scene.ledger.database.number("SELECT COUNT(*) FROM originals") == 0


def test_a_table_is_read_once_for_a_spec_and_a_source(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.add("a.png")
    scene.crawl()
    task, read = scene.task(), list[bytes]()
    monkeypatch.setattr(recall, "former_rows", lambda _path, spec: read.append(spec) or ())
    scene.ledger.put(FORMER_TABLE, "former.parquet")
    for _ in range(2):
        recall_former(scene.ledger, task, scene.said.append)
    assert read == [task.spec_id]


def test_a_table_that_is_gone_is_said(scene: Scene) -> None:
    scene.add("a.png")
    scene.crawl()
    scene.ledger.put(FORMER_TABLE, "former.parquet")
    recall_former(scene.ledger, scene.task(), scene.said.append)
    (said,) = scene.said
    assert "paid for again" in said


def test_what_is_not_paid_for_is_not_recalled(rig: Rig) -> None:
    rig.add("a.png")
    rig.run()
    former = rig.workspace.root / "former.parquet"
    shutil.copy(rig.workspace.table, former)
    (row,) = rig.table()
    for known in (False, True):
        folder = rig.workspace.root / f"new-{known}"
        folder.mkdir()
        shutil.copy(former, folder)
        with Ledger(folder / "ledger.db") as ledger:
            ledger.put(FORMER_TABLE, former.name)
            if known:
                adopted(ledger, bytes.fromhex(row["work_key"]))
            recipe = ledger.specs.recipe({}, {})
            spec_id = bytes.fromhex(row["spec_id"])
            recall_former(ledger, CaptionTask((1,), 1, spec_id, recipe, "What?"), rig.said.append)
            found = ledger.works.prepared_as(bytes.fromhex(row["source_id"]), recipe)
            due = ledger.rechecks.due(recipe)
        assert due is known, "it is looked at once more, if it was of version 0.1.0"
        assert isinstance(found, Content) is known
        if isinstance(found, Content):
            assert found.content_id.hex() == row["content_id"]
