import pytest

from pipeline.core.budget import BudgetCaps
from pipeline.errors import BooksError, OverBudget
from tests.ledger.world import NOW, World, scope

DAY = 86_400


@pytest.fixture
def shard(world: World) -> int:
    world.image("a.jpg", 1)
    return world.seal().row


def test_a_reservation_counts_in_every_scope(world: World, shard: int) -> None:
    books = world.ledger.reservations
    books.reserve(shard, 1, 700, BudgetCaps(), scope(1))
    assert books.exposure(scope(1)).run == 700
    tomorrow = books.exposure(scope(1, NOW + DAY))
    assert (tomorrow.day, tomorrow.lifetime) == (0, 700)
    assert books.exposure(scope(1, NOW + 40 * DAY)).month == 0


def test_the_cap_is_never_passed_and_the_message_says_which(world: World, shard: int) -> None:
    books = world.ledger.reservations
    books.reserve(shard, 1, 700, BudgetCaps(lifetime=1000), scope(1))
    with pytest.raises(OverBudget, match=r"lifetime budget"):
        books.reserve(shard, 2, 301, BudgetCaps(lifetime=1000), scope(1))
    books.reserve(shard, 2, 300, BudgetCaps(lifetime=1000), scope(1))
    assert books.exposure(scope(1)).lifetime == 1000


def test_settling_frees_what_was_not_needed(world: World, shard: int) -> None:
    books = world.ledger.reservations
    books.reserve(shard, 1, 700, BudgetCaps(), scope(1))
    books.settle(shard, 1, 400, NOW)
    assert books.exposure(scope(1)).lifetime == 400
    with pytest.raises(BooksError, match="again"):
        books.settle(shard, 1, 400, NOW)


def test_a_charge_after_the_release_counts(world: World, shard: int) -> None:
    books = world.ledger.reservations
    books.reserve(shard, 1, 700, BudgetCaps(), scope(1))
    books.release(shard, 1, NOW)
    assert books.exposure(scope(1)).lifetime == 0
    books.settle(shard, 1, 650, NOW)
    assert books.totals().charged == 650


def test_a_settled_reservation_is_not_released(world: World, shard: int) -> None:
    books = world.ledger.reservations
    books.reserve(shard, 1, 700, BudgetCaps(), scope(1))
    books.settle(shard, 1, 400, NOW)
    books.release(shard, 1, NOW)
    assert books.exposure(scope(1)).lifetime == 400


def test_an_unknown_bill_keeps_its_whole_reservation_counted(world: World, shard: int) -> None:
    books = world.ledger.reservations
    books.reserve(shard, 1, 700, BudgetCaps(), scope(1))
    books.settle(shard, 1, None, NOW)
    assert books.exposure(scope(1)).lifetime == 700
    assert books.totals().unpriced == 1


def test_an_unknown_price_is_refused_under_a_budget(world: World, shard: int) -> None:
    with pytest.raises(OverBudget, match="price of this model is unknown"):
        world.ledger.reservations.reserve(shard, 1, None, BudgetCaps(day=10**12), scope(1))
    world.ledger.reservations.reserve(shard, 1, None, BudgetCaps(), scope(1))


def test_what_exists_at_the_service_is_booked_without_asking(world: World, shard: int) -> None:
    books = world.ledger.reservations
    for generation in (1, 2, 1, 2):
        books.record_unasked(shard, generation, 5000, scope(1))
    assert books.exposure(scope(1)).lifetime == 10_000


def test_a_released_reservation_is_open_again_for_what_nobody_was_asked_about(
    world: World, shard: int
) -> None:
    books = world.ledger.reservations
    books.reserve(shard, 1, 700, BudgetCaps(), scope(1))
    books.release(shard, 1, NOW)
    books.record_unasked(shard, 1, 700, scope(1))
    assert (books.exposure(scope(1)).lifetime, books.totals().reserved) == (700, 700)
    books.settle(shard, 1, 300, NOW)
    books.record_unasked(shard, 1, 700, scope(1))
    assert (books.exposure(scope(1)).lifetime, books.totals().reserved) == (300, 0)


def test_releasing_frees_one_generation_only(world: World, shard: int) -> None:
    books = world.ledger.reservations
    books.reserve(shard, 1, 700, BudgetCaps(), scope(1))
    books.reserve(shard, 2, 50, BudgetCaps(), scope(1))
    books.release(shard, 1, NOW)
    assert books.totals().reserved == 50


def test_a_run_s_charges_are_those_of_its_own_reservations_and_of_unknown_bills(
    world: World, shard: int
) -> None:
    books = world.ledger.reservations
    world.ledger.begin_run("another", NOW)
    for generation, run in ((1, 1), (2, 1), (3, 1), (4, 2)):
        books.reserve(shard, generation, 10**generation, BudgetCaps(), scope(run))
    books.settle(shard, 1, 3, NOW)
    books.settle(shard, 2, None, NOW)
    assert books.run_charges(1) == (103, 1000)
    assert books.run_charges(2) == (0, 10_000)
    assert books.run_charges(3) == (0, 0)


def test_what_was_released_was_never_sent(world: World, shard: int) -> None:
    books = world.ledger.reservations
    assert not books.anything_sent()
    books.reserve(shard, 1, 700, BudgetCaps(), scope(1))
    assert books.anything_sent()
    books.release(shard, 1, NOW)
    assert not books.anything_sent()
