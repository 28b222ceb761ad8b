from __future__ import annotations

from pipeline.core.identity import WorkAttempt
from pipeline.ledger.handed_out import AttemptState
from pipeline.ledger.shards import Shard
from tests.ledger.world import NOW, World, answered, remote, scope

RULES: dict[str, object] = {}


def handed_over(world: World, images: int = 3) -> Shard:
    for number in range(1, images + 1):
        world.image(f"{number}.jpg", number)
    shard = world.seal()
    world.ledger.reservations.record_unasked(shard.row, 1, shard.max_cost, scope(1))
    return world.ledger.shards.move(shard, "WRITTEN")


def settle(world: World, shard: Shard, *works: int, name: str = "file-1") -> None:
    ledger = world.ledger
    row = ledger.handed_out.arrived(name, shard.row, NOW)
    ledger.reservations.record_unasked(shard.row, -row, 0, scope(1))
    batch = ledger.batches.by_id(name)
    assert batch is not None
    answers = [answered(world.works[work][1]) for work in works]
    ledger.answers.settle(shard, batch, answers, {}, NOW)


def test_where_an_attempt_is(world: World) -> None:
    find = world.ledger.handed_out.find
    assert find(bytes(32), 1) == AttemptState("unknown")
    world.image("1.jpg", 1)
    ((_, key),) = world.works
    assert find(key, 1) == AttemptState("wanted")
    shard = world.seal()
    assert find(key, 1) == AttemptState("under way")
    assert find(key, 2) == AttemptState("under way")
    shard = world.ledger.shards.move(shard, "WRITTEN")
    assert find(key, 1) == AttemptState("handed over", shard.row)
    assert find(key, 2) == AttemptState("under way")
    world.ledger.reservations.record_unasked(shard.row, 1, shard.max_cost, scope(1))
    settle(world, shard, 0)
    assert find(key, 1) == AttemptState("answered")
    assert find(key, 2) == AttemptState("answered")


def test_what_is_given_back_is_wanted(world: World) -> None:
    shard = handed_over(world, 1)
    world.ledger.shards.dissolve(shard)
    assert world.ledger.handed_out.find(world.works[0][1], 1) == AttemptState("wanted")


def test_each_file_that_comes_back_narrows_the_reservation(world: World) -> None:
    shard = handed_over(world)
    totals = world.ledger.reservations.totals
    assert totals().reserved == 3000
    settle(world, shard, 1)
    assert (totals().reserved, totals().charged) == (2000, 400)
    assert world.ledger.handed_out.outstanding() == 2
    settle(world, shard, 0, 2, name="file-2")
    assert (totals().reserved, totals().charged) == (0, 1200)
    assert world.ledger.handed_out.outstanding() == 0
    assert world.ledger.shards.get(shard.row).state == "SETTLED"


def test_an_unknown_price_stays_unknown(world: World) -> None:
    world.image("1.jpg", 1)
    shard = world.seal(max_cost=None)
    world.ledger.reservations.record_unasked(shard.row, 1, None, scope(1))
    shard = world.ledger.shards.move(shard, "WRITTEN")
    row = world.ledger.handed_out.arrived("file-1", shard.row, NOW)
    world.ledger.reservations.record_unasked(shard.row, -row, 0, scope(1))
    batch = world.ledger.batches.by_id("file-1")
    assert batch is not None
    world.ledger.answers.settle(shard, batch, [answered(world.works[0][1], None)], {}, NOW)
    assert world.ledger.reservations.totals().unpriced == 1
    assert world.ledger.shards.get(shard.row).state == "SETTLED"


def test_an_adopted_shard_holds_nothing_until_its_lines_come(world: World) -> None:
    exchange = world.ledger.handed_out
    row = exchange.adopt("file-abc", "gpt-6-luna", None, NOW)
    assert exchange.outstanding() == 0
    world.ledger.adoption.add_lines(row, [WorkAttempt(bytes(32), 1)])
    assert exchange.outstanding() == 1
    assert exchange.find(bytes(32), 1) == AttemptState("handed over", row)


def test_an_attempt_that_failed_may_be_answered_once_more(world: World) -> None:
    shard = handed_over(world, 1)
    key = world.works[0][1]
    find = world.ledger.handed_out.find
    row = world.ledger.handed_out.arrived("file-1", shard.row, NOW)
    world.ledger.reservations.record_unasked(shard.row, -row, 0, scope(1))
    batch = world.ledger.batches.by_id("file-1")
    assert batch is not None
    failed = answered(key, 0, outcome="failed", caption=None, usage=None)
    world.ledger.answers.settle(shard, batch, [failed], {}, NOW)
    assert find(key, 1) == AttemptState("failed", shard.row)
    world.ledger.database.execute("UPDATE shards SET state = 'DISSOLVED'")
    assert find(key, 1) == AttemptState("failed", 0)


def test_a_file_whose_answers_were_not_booked_is_forgotten_with_its_reservation(
    world: World,
) -> None:
    shard = handed_over(world)
    exchange, books = world.ledger.handed_out, world.ledger.reservations
    rows = [exchange.arrived(name, shard.row, NOW) for name in ("file-1", "file-2")]
    for row in rows:
        books.record_unasked(shard.row, -row, 5, scope(1))
    exchange.forget(rows[0])
    assert world.ledger.batches.ids() == {"file-2"}
    assert books.totals().reserved == 3000 + 5
    books.settle(shard.row, -rows[1], 5, NOW)
    exchange.forget(rows[1])
    assert books.totals().charged == 5, "what is booked stays booked"
    world.ledger.batches.add(shard.row, 1, remote("batch_1"), "main")
    main = world.ledger.batches.by_id("batch_1")
    assert main is not None
    exchange.forget(main.row)
    assert world.ledger.batches.ids() == {"batch_1"}


def test_a_file_that_comes_back_is_downloaded_and_over(world: World) -> None:
    shard = handed_over(world, 1)
    world.ledger.handed_out.arrived("file-1", shard.row, NOW)
    batch = world.ledger.batches.by_id("file-1")
    assert batch is not None
    assert (batch.role, batch.state, batch.status) == ("file", "downloaded", "completed")
    assert (batch.generation, batch.created_at, batch.shard) == (1, NOW, shard.row)


def test_a_shard_is_over_with_its_last_answer_and_other_files_stay_booked(world: World) -> None:
    shard = handed_over(world)
    row = world.ledger.handed_out.arrived("file-2", shard.row, NOW)
    world.ledger.reservations.record_unasked(shard.row, -row, 7, scope(1))
    settle(world, shard, 0, 1, 2)
    booked = world.ledger.database.execute("SELECT generation, state FROM reservations")
    assert sorted(booked) == [(-row - 1, "settled"), (-row, "open"), (1, "released")]
    assert world.ledger.reservations.totals().reserved == 7
