from __future__ import annotations

from typing import Any

from pipeline.core.budget import BudgetCaps
from pipeline.ledger.charges import COLUMNS, Charges
from tests.ledger.world import NOW, World, answered, scope


def charges(world: World) -> list[dict[str, Any]]:
    pages = Charges(world.ledger.database).table(size=1)
    return [dict(zip(COLUMNS, row, strict=True)) for page in pages for row in page]


def test_a_charge_for_every_answer(world: World) -> None:
    world.image("a.jpg", 1)
    world.image("b.jpg", 2)
    shard, batch = world.submitted()
    first, second = (key for _, key in world.works)
    paid = [answered(first, 300), answered(second, 7, outcome="refused", caption=None)]
    world.ledger.answers.settle(shard, batch, paid, {}, NOW)
    found = charges(world)
    assert [row["charged_cost"] for row in found] == [300, 7]
    assert [row["path"] for row in found] == ["a.jpg", "b.jpg"]
    assert [row["caption"] for row in found] == ["a cat", None]
    assert [row["in_table"] for row in found] == [1, 1]
    assert {row["batch_id"] for row in found} == {"batch_1"}


def test_a_caption_that_no_image_shows_any_more_was_paid_for(world: World) -> None:
    image = world.image("a.jpg", 1)
    shard, batch = world.submitted()
    world.ledger.answers.settle(shard, batch, [answered(world.works[0][1])], {}, NOW)
    world.ledger.database.execute("UPDATE images SET work = NULL WHERE id = ?", (image,))
    (row,) = charges(world)
    assert (row["path"], row["in_table"], row["charged_cost"]) == ("a.jpg", 0, 400)
    world.ledger.database.execute("UPDATE works SET representative = NULL")
    (row,) = charges(world)
    assert (row["path"], row["source"], row["charged_cost"]) == (None, None, 400)


def test_an_answer_that_never_came_counts_as_it_was_reserved(world: World) -> None:
    world.image("a.jpg", 1)
    world.image("b.jpg", 2)
    shard, batch = world.submitted()
    first, second = (key for _, key in world.works)
    found = [answered(first), answered(second, None, outcome="missing", caption=None)]
    world.ledger.answers.settle(shard, batch, found, {}, NOW)
    lost = next(row for row in charges(world) if row["outcome"] == "missing")
    assert (lost["billed_cost"], lost["charged_cost"]) == (None, 1000)
    assert sum(row["charged_cost"] for row in charges(world)) == 1400
    assert world.ledger.reservations.totals().charged == 1400


def test_what_a_lost_batch_cost_stands_in_a_row_of_its_own(world: World) -> None:
    world.image("a.jpg", 1)
    shard, _ = world.submitted()
    world.ledger.reservations.settle(shard.row, shard.generation, 5000, NOW)
    (row,) = charges(world)
    assert (row["outcome"], row["charged_cost"], row["work_key"]) == ("lost", 5000, None)


def test_a_reservation_that_was_settled_without_a_batch_is_no_less_of_the_bill(
    world: World,
) -> None:
    world.image("a.jpg", 1)
    shard = world.seal(1000)
    world.ledger.reservations.reserve(shard.row, 1, 1000, BudgetCaps(), scope(1))
    world.ledger.reservations.settle(shard.row, 1, None, NOW)
    (row,) = charges(world)
    assert (row["outcome"], row["charged_cost"], row["batch_id"]) == ("lost", 1000, None)
    assert (row["model"], row["received_at"]) == (shard.model, NOW)
    assert world.ledger.reservations.totals().charged == 1000


def test_a_free_answer_is_listed_and_an_unpriced_one_has_no_cost(world: World) -> None:
    world.image("a.jpg", 1)
    world.image("b.jpg", 2)
    shard, batch = world.submitted(max_cost=None)
    first, second = (key for _, key in world.works)
    paid = [answered(first, None), answered(second, 0)]
    world.ledger.answers.settle(shard, batch, paid, {}, NOW)
    assert [row["charged_cost"] for row in charges(world)] == [None, 0]
