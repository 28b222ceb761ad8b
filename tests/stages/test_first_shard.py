from __future__ import annotations

from msgspec.structs import replace

from pipeline.server.faults import BatchFault
from pipeline.stages.collect import collect_batches
from pipeline.stages.first_shard import FIRST_PATIENCE, FirstShard
from pipeline.stages.submit import submit_shards
from tests.stages.scene import Scene


def first_sent(scene: Scene) -> FirstShard:
    """The first shard of a form, sent and not answered."""
    scene.add("a.png", "b.png")
    task = scene.task()
    options = replace(scene.shard_options(), first=2)
    first = FirstShard(scene.context, task.spec, options, requests=9)
    assert not first.holds()  # it is still to be written
    scene.write(task, options)
    submit_shards(scene.context, task.spec)
    return first


def test_nothing_follows_the_first_shard_before_it_is_answered(scene: Scene) -> None:
    scene.server.faults.add(BatchFault(finalizing_seconds=3600))
    first = first_sent(scene)
    assert first.holds()
    assert first.options.first == 2
    for _ in range(2):
        first.say(wait=True)
    (sentence,) = scene.said
    assert "the first 2 go alone, the others when they have come back" in sentence


def test_an_answer_lets_the_others_go(scene: Scene) -> None:
    first = first_sent(scene)
    (batch,) = scene.ledger.batches.in_states("open")
    scene.until_over(batch.batch_id)
    assert first.holds()
    collect_batches(scene.context)
    assert not first.holds()
    assert first.options.first is None


def test_it_is_waited_for_an_hour_at_most(scene: Scene) -> None:
    scene.server.faults.add(BatchFault(finalizing_seconds=3600))
    first = first_sent(scene)
    scene.clock.offset += FIRST_PATIENCE - 60
    assert first.holds()
    scene.clock.offset += 61
    assert not first.holds()


def test_another_run_knows_the_first_shard_of_the_last_one(scene: Scene) -> None:
    scene.server.faults.add(BatchFault(finalizing_seconds=3600))
    first_sent(scene)
    task = scene.task()
    first = replace(scene.shard_options(), first=2)
    later = FirstShard(scene.context, task.spec, first, requests=1)
    assert later.holds()
    later.say(wait=False)
    assert "with the next run after they have come back" in scene.said[0]
    known = FirstShard(scene.context, task.spec, scene.shard_options(), requests=9)
    assert not known.holds()  # without a first shard nothing is held back


def test_several_small_shards_make_a_first_one(scene: Scene) -> None:
    scene.server.faults.add(BatchFault(finalizing_seconds=3600))
    first_sent(scene)
    options = replace(scene.shard_options(), first=3)
    first = FirstShard(scene.context, scene.task().spec, options, requests=9)
    assert not first.holds()  # two are too few
    first.options = replace(options, first=2)
    assert first.holds()
    first.wrote(9)
    assert not first.holds()  # none is left to be held back
