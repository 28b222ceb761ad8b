from __future__ import annotations

from pipeline.core.identity import custom_id
from pipeline.core.retry import DEFAULT_RULES
from tests.ledger.world import NOW, World, answered


def test_the_lines_of_a_shard_are_read_by_their_ids(world: World) -> None:
    world.image("a.jpg", 1)
    world.image("b.jpg", 2)
    shard, batch = world.submitted()
    planned = world.ledger.answers.planned(shard, batch)
    names = [custom_id(key, 1) for _, key in world.works]
    assert planned.positions == {names[0]: 0, names[1]: 1}
    first = planned.line(0)
    assert (first.work, first.state, first.shown, first.awaited) == (1, "live", None, 1)
    assert (first.max_cost, first.prompt_tokens) == (1000, 100)
    assert (len(planned), [*planned.attempts], [*planned.usual]) == (2, [1, 1], [1, 1])
    assert [planned.position_of(work) for work in (0, 1, 2, 3)] == [None, 0, 1, None]


def test_what_this_batch_has_answered_is_not_awaited(world: World) -> None:
    world.image("a.jpg", 1)
    shard, batch = world.submitted()
    key = world.works[0][1]
    world.ledger.answers.settle(shard, batch, [answered(key, 300)], DEFAULT_RULES, NOW)
    planned = world.ledger.answers.planned(shard, batch)
    assert [*planned.usual] == [0]
    line = planned.line(0)
    assert (line.shown, line.shown_attempt, line.awaited) == ("captioned", 1, 0)
