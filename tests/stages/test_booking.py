from __future__ import annotations

import pytest

from pipeline.errors import StorageError
from pipeline.server.faults import LineFault
from pipeline.stages import booking as module
from pipeline.stages.batch_record import Booking, recorded_booking
from pipeline.stages.collect import collect_batches
from tests.stages.scene import Scene, sent


def test_what_is_booked_stands_in_the_record_and_is_booked_by_it(scene: Scene) -> None:
    scene.server.faults.add(LineFault(outcome="no_usage", times=1))
    sent(scene, 2)
    collect_batches(scene.context)
    (batch,) = scene.ledger.batches.in_states("settled")
    key = scene.ledger.shards.get(batch.shard).shard_key
    booked = Booking(*scene.ledger.audit.booking(batch.row))
    assert recorded_booking(scene.workspace, key, batch.batch_id) == booked
    (most,) = booked.highest.values()
    costs = {item[4] for item in scene.ledger.shards.items(batch.shard)}
    assert most in costs
    assert booked.received_at is not None


def test_nothing_is_booked_that_the_record_does_not_say(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent(scene, 2)

    def full(*_: object) -> None:
        raise StorageError("no space")

    monkeypatch.setattr(module, "note_booking", full)
    with pytest.raises(StorageError):
        collect_batches(scene.context)
    assert scene.ledger.answers.count() == 0
    monkeypatch.undo()
    assert collect_batches(scene.context).answers == {"captioned": 2}
