from __future__ import annotations

import pytest

from pipeline.core.lifecycle import TWIN
from pipeline.core.packing import ShardLimits
from pipeline.errors import NeedsPerson
from pipeline.ledger.batch_metadata import metadata_of
from pipeline.ledger.shards import Shard
from pipeline.records import RemoteBatch
from pipeline.server.faults import RequestFault
from pipeline.stages.reconcile import reconcile
from pipeline.stages.submit import submit_shards
from pipeline.stages.twins import list_all, list_newer, our_calls
from tests.stages.scene import Scene

TWO = ShardLimits(requests=2)


def made(scene: Scene, shard: Shard, **metadata: str) -> RemoteBatch:
    """A batch of a shard that somebody else has created."""
    upload = scene.service.upload(
        scene.workspace.shard(shard.shard_key), scene.context.filename(shard.shard_key)
    )
    whose = metadata_of(scene.ledger.workspace_id(), shard, nonce="another's") | metadata
    return scene.service.create(input_file_id=upload.id, metadata=whose)


def lists(scene: Scene) -> int:
    return len(scene.server.bill.requests("GET", "/v1/batches"))


def test_the_begin_of_a_run_is_the_time_of_the_service(scene: Scene) -> None:
    scene.server.clock.advance(10_000)
    assert list_all(scene.context) == []
    begin = scene.context.listings.begin
    assert begin is not None
    assert begin.at is not None
    assert abs(begin.at - scene.server.clock.now()) <= 60
    scene.server.clock.advance(10_000)
    list_all(scene.context)
    assert scene.context.listings.begin == begin


def test_a_run_s_own_batches_are_explained_and_carry_its_nonce(scene: Scene) -> None:
    scene.add(*(f"{n}.png" for n in range(6)))
    task = scene.task()
    scene.write(task, scene.shard_options(TWO))
    assert submit_shards(scene.context, task.spec).batches == 3
    listed = list_newer(scene.context)
    assert {batch.metadata["captionmill_run"] for batch in listed} == scene.ledger.nonces()
    assert all(our_calls(scene.context).explains(batch) for batch in listed)
    assert scene.ledger.get(TWIN) is None


@pytest.mark.parametrize("theirs", ["same shard", "another shard"])
def test_a_twin_stops_the_next_create_call(scene: Scene, theirs: str) -> None:
    scene.add(*(f"{n}.png" for n in range(4)))
    task = scene.task()
    first, _ = scene.write(task, scene.shard_options(TWO))
    reconcile(scene.context)
    other = {} if theirs == "same shard" else {"captionmill_shard": "000009-abcdef01"}
    batch = made(scene, first, **other)
    sent = submit_shards(scene.context, task.spec)
    assert (sent.batches, type(sent.error)) == (0, NeedsPerson)
    assert batch.id in str(sent.error)
    assert scene.ledger.batches.ids() == set()  # it is left alone
    assert [kind for _, kind, _ in scene.ledger.incidents()] == ["twin"]
    with pytest.raises(NeedsPerson, match="resolve new-identity"):
        reconcile(scene.context)
    before = lists(scene)
    assert submit_shards(scene.context, task.spec).batches == 0
    assert lists(scene) == before


def test_an_older_batch_that_is_listed_late_is_adopted_and_not_bought_again(scene: Scene) -> None:
    scene.add(*(f"{n}.png" for n in range(4)))
    task = scene.task()
    first, _ = scene.write(task, scene.shard_options(TWO))
    batch = made(scene, first)
    scene.server.clock.advance(100)
    scene.context.listings.note([], batch.created_at + 50)  # it was not in the first list
    sent = submit_shards(scene.context, task.spec)
    assert (sent.batches, sent.waiting) == (0, {"adopted": 1})
    assert submit_shards(scene.context, task.spec).batches == 1
    assert len(scene.ledger.batches.ids()) == 2
    for known in scene.ledger.batches.in_states("open"):
        scene.until_over(known.batch_id)
    assert not scene.server.bill.billed_again()


def test_without_the_list_nothing_is_created(scene: Scene) -> None:
    scene.add("a.png")
    task = scene.task()
    scene.write(task)
    reconcile(scene.context)
    scene.server.faults.add(
        RequestFault(action="status", method="GET", path="/v1/batches", status=400, times=1)
    )
    sent = submit_shards(scene.context, task.spec)
    assert (sent.batches, sent.waiting) == (0, {"service": 1})
    assert submit_shards(scene.context, task.spec).batches == 1


def test_a_stranger_with_absurd_numbers_is_no_twin(scene: Scene) -> None:
    scene.add("a.png")
    task = scene.task()
    (shard,) = scene.write(task)
    reconcile(scene.context)
    made(scene, shard, captionmill_shard="000009-abcdef01", captionmill_requests="1" * 18)
    assert submit_shards(scene.context, task.spec).batches == 1
    assert [kind for _, kind, _ in scene.ledger.incidents()] == ["stranger"]


def test_every_batch_of_the_account_is_listed(scene: Scene) -> None:
    scene.add(*(f"{n}.png" for n in range(6)))
    task = scene.task()
    shards = scene.write(task, scene.shard_options(TWO))
    assert our_calls(scene.context).shards == frozenset()
    submit_shards(scene.context, task.spec)
    assert len(list_all(scene.context)) == 3
    ours = our_calls(scene.context)
    assert ours.known == scene.ledger.batches.ids()
    assert len(ours.known) == 3
    assert ours.shards == {shard.shard_key for shard in shards}
