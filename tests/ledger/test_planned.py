from __future__ import annotations

import gc
import tracemalloc

from pipeline.core.identity import custom_id
from pipeline.core.retry import DEFAULT_RULES
from pipeline.ledger.planned import Planned
from tests.ledger.world import NOW, World, answered


def test_the_lines_of_a_shard_are_read_by_their_ids(world: World) -> None:
    world.image("a.jpg", 1)
    world.image("b.jpg", 2)
    shard, batch = world.submitted()
    planned = world.ledger.answers.planned(shard, batch)
    names = [custom_id(key, 1) for _, key in world.works]
    assert planned.positions.of([*names, custom_id(bytes(32), 1)]) == [0, 1, None]
    first = planned.line(0)
    assert (first.work, first.state, first.shown, first.awaited) == (1, "live", None, 1)
    assert (first.max_cost, first.prompt_tokens) == (1000, 100)
    assert (len(planned), [*planned.usual]) == (2, [1, 1])
    assert planned.shared([1, 0]) == ([1, 1], [1000, 1000], [100, 100])
    in_order = sorted(key for _, key in world.works)
    assert [line.work_key for _, line in planned.by_key()] == in_order
    assert [world.works[position][1] for position, _ in planned.by_key()] == in_order
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


def test_lines_are_the_same_in_stretches_and_apart(world: World) -> None:
    """Rows of works and items, as ranges and as arrays."""
    database = world.ledger.database
    for works, items in (
        ([4, 5, 6], [4, 5, 6]),
        ([4, 5, 7], [9, 5, 7]),
        ([4, 6, 7], [7, 8, 9]),
        ([2, 3, 4], [2, 4, 3]),
    ):
        planned = Planned(database, 1, 1)
        rows = [
            (bytes([n]) * 32, work, item, 1, 1 + n, 100 + n, None, 7)
            for n, (work, item) in enumerate(zip(works, items, strict=True))
        ]
        for page in (rows[:1], rows[1:]):
            planned.add(page)
        assert ([*planned.works], [*planned.items]) == (works, items)
        assert [planned.position_of(work) for work in works] == [0, 1, 2]
        assert planned.shared([2, 0]).max_costs == [102, 100]
        sealed = planned.sealed_items()
        assert (sealed is None) == (items != sorted(items))
        if sealed is not None:
            assert [*sealed] == [repr((w, 1 + n, 100 + n, None, 7)) for n, w in enumerate(works)]


def test_a_line_takes_few_bytes(world: World) -> None:
    count = 20_000
    tracemalloc.start()
    try:
        planned = Planned(world.ledger.database, 1, 1, room=count)
        for start in range(0, count, 2_000):
            planned.add(
                [
                    (n.to_bytes(32, "big"), n, n, 1, 1, 1000 + n % 9, 500, 100)
                    for n in range(start, start + 2_000)
                ]
            )
        gc.collect()  # tuples that the interpreter holds for the next page
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 31 * count
