import sqlite3

import pytest
from msgspec.structs import replace

from pipeline.core.identity import WorkAttempt, custom_id
from pipeline.core.retry import DEFAULT_RULES
from pipeline.ledger.adoption import OpaqueShard, RecoveredShard
from pipeline.system.clock import Moment
from tests.ledger.world import NOW, World, answered, remote, scope

MOMENT = Moment(NOW, "boot:5")
LOST = RecoveredShard("000009-12345678", 1, "gpt-6-luna", 1, 77, None, None)


def states(world: World) -> list[tuple[object, ...]]:
    return world.ledger.database.execute("SELECT state, attempts FROM works ORDER BY id").fetchall()


def adopted(world: World, number: int = 0, attempt: int = 1) -> int:
    row = world.ledger.adoption.adopt(LOST, MOMENT)
    world.ledger.reservations.record_unasked(row, 1, 77, scope(1))
    world.ledger.batches.add(row, 1, remote("batch_9"), "main")
    world.ledger.adoption.add_lines(row, [WorkAttempt(world.works[number][1], attempt)])
    return row


def settled(world: World, row: int, **answer: object) -> None:
    """Settle the adopted batch with one answer to its first work."""
    batch = world.ledger.batches.by_id("batch_9")
    assert batch is not None
    line = answered(world.works[0][1], **answer)  # type: ignore[arg-type]
    world.ledger.answers.settle(world.ledger.shards.get(row), batch, [line], DEFAULT_RULES, NOW)


def test_an_adopted_line_is_live_and_can_not_be_sealed_again(world: World) -> None:
    world.image("a.jpg", 1)
    row = adopted(world)
    world.ledger.adoption.add_lines(row, [WorkAttempt(world.works[0][1], 1)])
    assert [item[3] for item in world.ledger.shards.items(row)] == [True]
    with pytest.raises(sqlite3.IntegrityError):
        world.seal()


def test_a_shard_whose_image_is_at_the_service_is_overtaken_and_hands_it_over(
    world: World,
) -> None:
    world.image("a.jpg", 1)
    world.image("b.jpg", 2)
    sealed = world.seal()
    assert not world.ledger.adoption.overtaken(sealed)
    row = adopted(world)
    assert [item[3] for item in world.ledger.shards.items(row)] == [False]
    assert world.ledger.adoption.overtaken(sealed)
    world.ledger.shards.dissolve(sealed)
    assert [item[3] for item in world.ledger.shards.items(row)] == [True]
    assert states(world) == [("live", 1), ("pending", 0)]


def test_a_shard_whose_image_is_paid_for_is_overtaken_and_leaves_it_done(world: World) -> None:
    world.image("a.jpg", 1)
    sealed = world.seal()
    row = adopted(world)
    settled(world, row, outcome="refused", caption=None)
    assert states(world) == [("live", 1)]
    assert world.ledger.adoption.overtaken(sealed)
    world.ledger.shards.dissolve(sealed)
    assert states(world) == [("done", 1)]


def test_a_shard_that_was_taken_apart_comes_back(world: World) -> None:
    world.image("a.jpg", 1)
    sealed = world.seal(key=LOST.shard_key)
    world.ledger.shards.dissolve(sealed)
    row = adopted(world)
    assert row == sealed.row
    assert world.ledger.shards.get(row).state == "SUBMITTED"
    assert states(world) == [("live", 1)]


def test_a_shard_of_unknown_contents_is_blind_until_it_is_settled(world: World) -> None:
    world.image("a.jpg", 1)
    row = world.ledger.adoption.adopt(LOST, MOMENT)
    batch = world.ledger.batches.add(row, 1, remote("batch_9"), "main")
    assert world.ledger.adoption.opaque_shards() == [OpaqueShard(LOST.shard_key, False)]
    world.ledger.batches.vanished(batch, NOW)
    assert world.ledger.adoption.opaque_shards() == [OpaqueShard(LOST.shard_key, True)]
    world.ledger.shards.move(world.ledger.shards.get(row), "SETTLED")
    assert world.ledger.adoption.opaque_shards() == []


def test_a_second_batch_frees_nothing_while_the_first_one_is_to_answer(world: World) -> None:
    world.image("a.jpg", 1)
    shard, first = world.submitted()
    ledger = world.ledger
    row = ledger.batches.add(shard.row, 1, remote("batch_2"), "stray")
    ledger.reservations.record_unasked(shard.row, -row, 1000, scope(1))
    second = ledger.batches.by_id("batch_2")
    assert second is not None
    line = answered(world.works[0][1], 0, outcome="cancelled", caption=None, usage=None)
    ledger.answers.settle(shard, second, [line], DEFAULT_RULES, NOW)
    assert states(world) == [("live", 1)]
    ledger.answers.settle(shard, first, [answered(world.works[0][1])], DEFAULT_RULES, NOW)
    assert states(world) == [("done", 1)]


def test_a_released_reservation_opens_again_for_a_batch_that_turns_up(world: World) -> None:
    world.image("a.jpg", 1)
    shard = world.seal()
    books = world.ledger.reservations
    books.record_unasked(shard.row, 1, 1000, scope(1))
    books.release(shard.row, 1, NOW)
    assert books.totals().reserved == 0
    books.record_unasked(shard.row, 1, 1000, scope(1))
    assert books.totals().reserved == 1000


def test_an_adopted_shard_is_of_the_generation_that_its_batch_names(world: World) -> None:
    world.image("a.jpg", 1)
    sealed = world.seal(key=LOST.shard_key)
    world.ledger.shards.dissolve(sealed)
    row = world.ledger.adoption.adopt(replace(LOST, generation=3), MOMENT)
    assert row == sealed.row
    shard = world.ledger.shards.get(row)
    assert (shard.generation, shard.intent_at, shard.intent_uptime) == (3, NOW, "boot:5")
    world.ledger.batches.add(row, 3, remote("batch_9"), "main")
    batch = world.ledger.batches.by_id("batch_9")
    assert batch is not None
    assert batch.decides_shard(shard.generation)
    assert batch.booked_as == 3


def test_a_line_of_an_adopted_shard_keeps_the_later_attempt(world: World) -> None:
    world.image("a.jpg", 1)
    adopted(world, attempt=4)
    assert states(world) == [("live", 4)]


def test_lines_are_recorded_in_the_order_of_their_works_each_once(world: World) -> None:
    row = world.ledger.adoption.adopt(LOST, MOMENT)
    keys = [bytes([number]) * 32 for number in range(100)]
    lines = [WorkAttempt(key, 2) for key in reversed(keys)] + [WorkAttempt(keys[5], 3)]
    for _ in range(2):  # a kill in between, and once more
        world.ledger.adoption.add_lines(row, lines)
    rows = world.ledger.database.execute(
        "SELECT w.work_key, i.attempt, i.live, w.state, w.attempts FROM items i "
        "JOIN works w ON w.id = i.work WHERE i.shard = ? ORDER BY i.id",
        (row,),
    ).fetchall()
    assert rows == [(key, 2, 1, "live", 2) for key in keys]


def test_highest_costs_come_back_where_they_are_not_known(world: World) -> None:
    world.image("a.jpg", 1)
    world.image("b.jpg", 2)
    row = adopted(world)
    world.ledger.adoption.add_lines(row, [WorkAttempt(world.works[1][1], 1)])
    costs = {custom_id(key, 1): 70 + number for number, (_, key) in enumerate(world.works)}
    world.ledger.adoption.add_max_costs(row, {**costs, "alien": 1, custom_id(b"k" * 32, 1): 2})
    world.ledger.adoption.add_max_costs(row, dict.fromkeys(costs, 5))
    assert [item[4] for item in world.ledger.shards.items(row)] == [70, 71]


def test_prices_name_their_version(world: World) -> None:
    prices = '{"version":"v1","tier":"batch","rates":["5","1","5","2"],"long":[]}'
    row = world.ledger.adoption.adopt(replace(LOST, prices=prices), MOMENT)
    assert world.ledger.shards.get(row).price_version == "v1"
    assert LOST.price_version is None


def test_a_later_attempt_of_another_shard_stays_counted(world: World) -> None:
    """A batch that failed may be rebuilt before the one in which its requests went again."""
    world.image("a.jpg", 1)
    sealed = world.seal()
    row = adopted(world, attempt=2)
    settled(world, row, attempt=2)
    assert states(world) == [("live", 2)]
    world.ledger.shards.dissolve(sealed)
    assert states(world) == [("done", 2)]
    assert list(world.ledger.audit.contradictions()) == []


def test_an_unpaid_later_attempt_stays_counted_too(world: World) -> None:
    world.image("a.jpg", 1)
    sealed = world.seal()
    row = adopted(world, attempt=2)
    settled(world, row, attempt=2, outcome="expired", caption=None)
    world.ledger.shards.dissolve(sealed)
    assert states(world) == [("pending", 2)]
