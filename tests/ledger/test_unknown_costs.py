import pytest

from pipeline.core.retry import DEFAULT_RULES
from pipeline.ledger.charges import COLUMNS, Charges
from pipeline.ledger.shards import Shard
from tests.ledger.world import NOW, World, answered

_COST = COLUMNS.index("charged_cost")


def settled(world: World, *billed: int | None, worst: int | None = None) -> Shard:
    """Settle answers of a shard of which only the sum of the highest costs is known."""
    for number in range(len(billed)):
        world.image(f"{number}.jpg", number)
    shard, batch = world.submitted()
    world.ledger.database.execute("UPDATE items SET worst = ?", (worst,))
    lines = [answered(key, cost) for (_, key), cost in zip(world.works, billed, strict=True)]
    result = world.ledger.answers.settle(shard, batch, lines, DEFAULT_RULES, NOW)
    shared = worst is None and None in billed
    assert any("in no record" in text for text in result.differences) is shared
    assert list(world.ledger.audit.contradictions()) == []
    return shard


def charged(world: World) -> list[object]:
    return [row[_COST] for page in Charges(world.ledger.database).table() for row in page]


@pytest.mark.parametrize(
    ("billed", "charges"),
    [
        ((400, None, 300), [400, 2300, 300]),
        ((400, None, None), [400, 1300, 1300]),
        ((401, None, None), [401, 1300, 1299]),
        ((None, None, None), [1000, 1000, 1000]),
    ],
)
def test_what_is_left_of_a_shard_is_what_its_unknown_answers_count(
    world: World, billed: tuple[int | None, ...], charges: list[int]
) -> None:
    shard = settled(world, *billed)
    assert charged(world) == charges
    assert world.ledger.reservations.totals().charged == shard.max_cost == sum(charges)


def test_what_is_known_of_a_request_counts(world: World) -> None:
    settled(world, 400, None, worst=1000)
    assert world.ledger.reservations.totals().charged == 1400


def test_bills_above_the_sum_leave_nothing_and_the_reservation_counts(world: World) -> None:
    world.image("a.jpg", 1)
    world.image("b.jpg", 2)
    shard, batch = world.submitted()
    world.ledger.database.execute("UPDATE items SET worst = NULL")
    (_, one), (_, two) = world.works
    lines = [answered(one, 2000), answered(two, None)]
    result = world.ledger.answers.settle(shard, batch, lines, DEFAULT_RULES, NOW)
    totals = world.ledger.reservations.totals()
    assert (result.differences, totals.charged, totals.unpriced) == ([], shard.max_cost, 1)
