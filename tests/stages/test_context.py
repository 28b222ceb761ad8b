from __future__ import annotations

import pytest

from pipeline.errors import Interrupted
from pipeline.stages.context import drop_event
from tests.stages.scene import Scene


def test_a_file_at_the_service_is_recognised_by_workspace_and_shard(scene: Scene) -> None:
    name = scene.context.filename("000001-aa")
    assert name == f"captionmill-{scene.ledger.workspace_id()}-000001-aa.jsonl"
    assert name != scene.context.filename("000001-ab")


def test_a_reservation_counts_for_this_run_and_the_time_it_is_made(scene: Scene) -> None:
    scene.clock.offset = 40 * 86_400
    scope = scene.context.scope()
    assert scope.run == scene.context.run
    assert abs(scope.now - scene.clock.now()) <= 1


def test_stopping_is_an_error_of_its_own(scene: Scene) -> None:
    scene.context.check_stop()
    scene.rules(stopping=lambda: True)
    with pytest.raises(Interrupted, match="nothing is under way") as caught:
        scene.context.check_stop()
    assert caught.value.exit_code == 130


def test_nobody_need_keep_notes(scene: Scene) -> None:
    scene.context.note("batch.created", batch="batch_1")
    drop_event("anything", level="error", more=1)
