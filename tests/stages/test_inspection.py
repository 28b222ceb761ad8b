from __future__ import annotations

import pytest

from pipeline.ledger.batches import Batch
from pipeline.stages.inspection import inspect_batch, is_left_open
from tests.stages.scene import Scene, sent


def reopened(scene: Scene, batch: Batch, doubt: str) -> Batch:
    scene.ledger.batches.postpone(batch, scene.clock.moment(), doubt)
    found = scene.ledger.batches.by_id(batch.batch_id)
    assert found is not None
    return found


def test_looks_and_their_times_are_counted_and_a_new_doubt_begins_anew(scene: Scene) -> None:
    (batch,) = sent(scene, 1, None)
    first = inspect_batch(scene.context, batch, began=True)
    assert (first.seconds, first.inspections, first.last, first.began) == (0, 1, None, True)
    for doubt, steady in (("2 of 6", 0), ("2 of 6", 50), ("1 of 6", 100), ("2 of 6", 50)):
        seen = inspect_batch(scene.context, batch)
        assert seen.steady == steady
        batch = reopened(scene, batch, doubt)
        scene.clock.offset += 50
    last = inspect_batch(scene.context, batch, written_off=True)
    assert (last.seconds, last.inspections, last.steady, last.last) == (200, 5, 50, "2 of 6")
    assert last.written_off


@pytest.mark.parametrize("vanished", [False, True])
def test_a_batch_is_left_open_after_the_grace_or_once_it_is_gone(
    scene: Scene, vanished: bool
) -> None:
    (batch,) = sent(scene, 1, None)
    assert not is_left_open(scene.context, batch)
    for _ in range(3):
        batch = reopened(scene, batch, "2 of 6")
        assert not is_left_open(scene.context, batch)
        if vanished:
            scene.ledger.batches.vanished(batch.row, scene.clock.now())
            found = scene.ledger.batches.by_id(batch.batch_id)
            assert found is not None
            assert is_left_open(scene.context, found)
            return
        scene.clock.offset += 40
    assert is_left_open(scene.context, batch)
