from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pipeline.core.identity import custom_id
from pipeline.core.reading_rules import CURRENT
from pipeline.records import RemoteBatch
from pipeline.stages.batch_record import (
    Booking,
    batch_record_path,
    mend_batch_records,
    note_booking,
    read_batch_records,
    recorded_booking,
    write_batch_record,
)
from pipeline.system.workspace import Workspace
from tests.ledger.conftest import *  # noqa: F403 the small ledger's fixtures
from tests.ledger.world import NOW, World
from tests.stages.scene import Scene
from tests.stages.test_whole_endings import answered

CHECKSUM = "captionmill_checksum"


def test_a_record_reads_back_as_the_batch_with_our_metadata(world: World, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "ws")
    workspace.create()
    world.image("a.jpg", 1)
    shard, batch = world.submitted(key="000001-1234abcd")
    context: Any = SimpleNamespace(ledger=world.ledger, workspace=workspace)
    remote = RemoteBatch(
        "batch_1", "completed", "file-1", "file-out", None, NOW, NOW + 9, 2, 1, 1, {"x": "y"}
    )
    write_batch_record(context, shard, batch.generation, remote)
    (found,) = read_batch_records(workspace)
    assert (found.id, found.status, found.output_file_id) == ("batch_1", "completed", "file-out")
    assert (found.total, found.completed, found.failed, found.created_at) == (2, 1, 1, NOW)
    assert found.metadata["captionmill_shard"] == shard.shard_key
    assert found.metadata["captionmill_workspace"] == world.ledger.workspace_id()
    assert "x" not in found.metadata


def test_damaged_records_are_left_out_and_the_others_come_by_age(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.create()
    for number, text in enumerate(("", "[]", '{"id": 1}', '{"odd": 1}')):
        workspace.raw.joinpath(f"{number}.batch.json").write_text(text)
    batch_record = (
        '{"id": "%s", "status": "completed", "input_file_id": "", "output_file_id": null, '
    )
    batch_record += '"error_file_id": null, "created_at": %d}'
    workspace.raw.joinpath("8.batch.json").write_text(batch_record % ("b", 8))
    workspace.raw.joinpath("9.batch.json").write_text(batch_record % ("a", 7))
    assert [batch.id for batch in read_batch_records(workspace)] == ["a", "b"]


def test_a_record_names_the_rules_that_its_answers_are_read_by(
    world: World, tmp_path: Path
) -> None:
    workspace = Workspace(tmp_path / "ws")
    workspace.create()
    world.image("a.jpg", 1)
    shard, _ = world.submitted(key="000001-1234abcd")
    context: Any = SimpleNamespace(ledger=world.ledger, workspace=workspace)
    remote = RemoteBatch("batch_1", "completed", "in", "out", None, NOW)
    write_batch_record(context, shard, 1, remote)
    assert recorded_booking(workspace, shard.shard_key, "batch_1").rules == CURRENT
    path = batch_record_path(workspace, shard.shard_key, "batch_1")
    for version, rules in (("1", 1), (str(CURRENT + 7), CURRENT), ("x", CURRENT), (None, CURRENT)):
        record = json.loads(path.read_bytes())
        record["metadata"]["captionmill_rules"] = version
        path.write_text(json.dumps(record))
        assert recorded_booking(workspace, shard.shard_key, "batch_1").rules == rules
    assert recorded_booking(workspace, shard.shard_key, "batch_2") == Booking()


def test_damaged_records_of_settled_batches_are_written_again(scene: Scene, tmp_path: Path) -> None:
    answered(scene, tmp_path, "stop")
    (path,) = scene.workspace.raw.glob("*.batch.json")
    sound = json.loads(path.read_bytes())
    assert mend_batch_records(scene.context) == 0
    for damage in (b"", b"{}", path.read_bytes().replace(b"000001", b"000002")):
        path.write_bytes(damage)
        assert mend_batch_records(scene.context) == 1
        mended = json.loads(path.read_bytes())
        sound["metadata"].pop(CHECKSUM, None)
        assert len(mended["metadata"].pop(CHECKSUM)) == 64
        assert {key: mended[key] for key in ("id", "status", "metadata")} == {
            key: sound[key] for key in ("id", "status", "metadata")
        }
    path.unlink()
    scene.ledger.database.execute("UPDATE answers SET rules = NULL")
    assert mend_batch_records(scene.context) == 1
    assert json.loads(path.read_bytes())["metadata"]["captionmill_rules"] == "1"
    scene.rules(keep_raw=False)
    path.unlink()
    assert mend_batch_records(scene.context) == 0


def test_a_record_of_an_earlier_version_has_no_checksum_and_is_sound(
    scene: Scene, tmp_path: Path
) -> None:
    answered(scene, tmp_path, "stop")
    (path,) = scene.workspace.raw.glob("*.batch.json")
    record = json.loads(path.read_bytes())
    del record["metadata"][CHECKSUM]
    path.write_text(json.dumps(record))
    assert mend_batch_records(scene.context) == 0
    record["metadata"][CHECKSUM] = "0" * 64
    path.write_text(json.dumps(record))
    assert mend_batch_records(scene.context) == 1


def test_a_record_says_when_answers_came_and_what_counts_at_its_highest(
    scene: Scene, tmp_path: Path
) -> None:
    answered(scene, tmp_path, "stop")
    (path,) = scene.workspace.raw.glob("*.batch.json")
    (expected,) = scene.ledger.audit.batches()
    place = (scene.workspace, expected.shard_key, expected.batch_id)
    (batch,) = scene.ledger.batches.in_states("settled")
    items = list(scene.ledger.shards.items(batch.shard))
    names = [custom_id(key, attempt) for _, key, attempt, _, _ in items]
    rules, received, highest = scene.ledger.audit.booking(batch.row)
    assert (
        recorded_booking(*place) == Booking(rules, received, highest) == Booking(CURRENT, received)
    )
    note_booking(*place, 7, {names[0]: 5})
    note_booking(*place, 8, {"cm-other": 6})
    assert recorded_booking(*place) == Booking(CURRENT, 8, {names[0]: 5, "cm-other": 6})
    assert mend_batch_records(scene.context) == 0, "it is sound"
    # of a damaged record nobody takes money, and it is written anew from the ledger
    path.write_bytes(path.read_bytes().replace(b":5", b":9"))
    assert recorded_booking(*place) == Booking()
    damaged = path.read_bytes()
    note_booking(*place, 9, {})
    assert path.read_bytes() == damaged, "it is given no checksum that makes it look sound"
    scene.ledger.database.execute("UPDATE answers SET billed = NULL")
    assert mend_batch_records(scene.context) == 1
    worst = {name: item[4] for name, item in zip(names, items, strict=True)}
    assert recorded_booking(*place) == Booking(CURRENT, received, worst)
    path.unlink()
    note_booking(*place, 9, {})
    assert not path.exists()
