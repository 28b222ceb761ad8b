from __future__ import annotations

import json

import pytest

from pipeline.core.budget import BudgetCaps
from pipeline.core.spending import GROUPINGS, Savings, Spend, grouped
from pipeline.records import Usage
from tests.ledger.world import NOW, World, answered, scope

ALL = (*GROUPINGS, "column:album")


def groups(world: World, by: str) -> dict[str, Spend]:
    return {spend.group: spend for spend in grouped(by, world.ledger.spending.sums_by(by))}


def settled(world: World, *billed: int | None) -> None:
    """One image an answer, in one batch."""
    for number in range(1, len(billed) + 1):
        world.image(f"{number}.jpg", number)
    shard, batch = world.submitted()
    pairs = zip(world.works, billed, strict=True)
    world.ledger.answers.settle(shard, batch, [answered(k, b) for (_, k), b in pairs], {}, NOW)


@pytest.mark.parametrize("by", ALL)
def test_every_grouping_adds_up_to_the_books(world: World, by: str) -> None:
    settled(world, 300, None, 7)  # one whose cost nobody knows counts as it was reserved
    total = sum(spend.billed for spend in groups(world, by).values())
    assert total == world.ledger.reservations.totals().charged == 1307
    assert sum(spend.requests for spend in groups(world, by).values()) == 3


@pytest.mark.parametrize("by", ALL)
@pytest.mark.parametrize("charged", [5000, None])
def test_a_batch_that_was_written_off_is_in_some_group(
    world: World, by: str, charged: int | None
) -> None:
    world.image("a.jpg", 1)
    shard, _ = world.submitted()
    world.ledger.reservations.settle(shard.row, 1, charged, NOW)
    (spend,) = groups(world, by).values()
    assert (spend.billed, spend.requests) == (charged or 1000, 0)
    assert (spend.group == "") == (by in ("folder", "column:album"))
    assert world.ledger.reservations.totals().charged == spend.billed


def test_a_create_call_that_was_settled_without_a_batch(world: World) -> None:
    world.image("a.jpg", 1)
    shard = world.seal()
    world.ledger.reservations.reserve(shard.row, 1, 900, BudgetCaps(), scope(1))
    world.ledger.reservations.settle(shard.row, 1, 900, NOW)
    assert {g: s.billed for g, s in groups(world, "model").items()} == {"gpt-6-luna": 900}


def test_what_is_under_way_or_was_released_is_not_spent(world: World) -> None:
    world.image("a.jpg", 1)
    world.submitted()
    assert groups(world, "day") == {}
    shard = world.ledger.shards.in_states("SUBMITTED")[0]
    world.ledger.reservations.release(shard.row, 1, NOW)
    assert groups(world, "day") == {}


def test_the_figures_of_a_group(world: World) -> None:
    world.image("a.jpg", 1)
    world.image("b.jpg", 2)
    shard, batch = world.submitted()
    (_, first), (_, second) = world.works
    named = answered(first, 300, service_cost=310, usage=Usage(120, 40, 0, 20, 5))
    world.ledger.answers.settle(shard, batch, [named, answered(second, 7)], {}, NOW)
    assert groups(world, "day") == {
        "2026-09-21": Spend("2026-09-21", "", 2, 1000, 2, 307, 310, 1, 240, 40, 40, 5)
    }
    assert list(groups(world, "month")) == ["2026-09"]


def test_a_prompt_is_named_by_its_identity_and_words(world: World) -> None:
    settled(world, 300)
    world.ledger.database.execute(
        "UPDATE specs SET canonical = ?", (json.dumps({"template": "Name it"}),)
    )
    ((group, spend),) = groups(world, "prompt").items()
    row = world.ledger.database.one("SELECT lower(hex(spec_id)) FROM specs")
    assert (group, spend.note) == ((row or ("",))[0], "Name it")


def test_folders_and_columns_are_those_of_the_image_that_was_sent(world: World) -> None:
    settled(world, 300, 7)
    world.ledger.database.execute(
        "UPDATE images SET columns = ? WHERE name = '2.jpg'", (json.dumps({"album": "Sea"}),)
    )
    assert {g: s.billed for g, s in groups(world, "column:album").items()} == {"": 300, "Sea": 7}
    label = world.ledger.sources.all()[0].name
    assert {g: s.billed for g, s in groups(world, "folder").items()} == {label: 307}


def test_duplicates_saved_the_bill_of_the_first_attempt(world: World) -> None:
    world.image("a.jpg", 1)
    twin = world.image("b.jpg", 1, source=2)
    world.image("c.jpg", 1, source=3)
    shard, batch = world.submitted()
    key = world.works[0][1]
    world.ledger.answers.settle(shard, batch, [answered(key, 300)], {}, NOW)
    assert world.ledger.spending.savings() == Savings(2, 600)
    world.ledger.database.execute("UPDATE images SET present = 0 WHERE id = ?", (twin,))
    assert world.ledger.spending.savings() == Savings(1, 300)
    world.ledger.database.execute("UPDATE answers SET billed = NULL")
    assert world.ledger.spending.savings() == Savings()


def test_a_renamed_image_is_no_duplicate(world: World) -> None:
    first = world.image("a.jpg", 1)
    world.image("b.jpg", 1, source=1)
    world.ledger.database.execute("UPDATE images SET present = 0 WHERE id = ?", (first,))
    shard, batch = world.submitted()
    world.ledger.answers.settle(shard, batch, [answered(world.works[0][1])], {}, NOW)
    assert world.ledger.spending.savings() == Savings()
