from __future__ import annotations

from pipeline.core.retry import DEFAULT_RULES
from pipeline.ledger.charges import BEHIND
from tests.ledger.world import NOW, World, answered, remote, scope


def settled(world: World) -> None:
    """Three answers of one batch, the last one without a bill, and marks behind them."""
    for number, name in enumerate("abc", 1):
        world.image(f"{name}.jpg", number)
    shard, batch = world.submitted()
    bills = (300, 400, None)
    lines = [answered(key, bill) for (_, key), bill in zip(world.works, bills, strict=True)]
    world.ledger.answers.settle(shard, batch, lines, DEFAULT_RULES, NOW)
    world.ledger.changed_rows.begin_anew()


def test_there_is_no_mark_where_changes_are_not_noted(world: World) -> None:
    assert world.ledger.charge_changes.mark() is None
    settled(world)
    mark = world.ledger.charge_changes.mark()
    assert mark is not None
    assert (mark.answer, mark.batch, mark.reservation, mark.open) == (3, 1, 1, [])
    world.ledger.database.execute("UPDATE sources SET label = 'x'")
    assert world.ledger.charge_changes.mark() is None


def test_works_are_those_with_an_answer_up_to_the_mark(world: World) -> None:
    settled(world)
    changes = world.ledger.charge_changes
    assert changes.works(3) == []
    world.ledger.database.execute("UPDATE works SET representative = NULL WHERE id >= 2")
    assert changes.works(3) == [2, 3]
    assert changes.works(2) == [2]
    world.image("d.jpg", 9)
    assert changes.works(3) == [2, 3], "a new one has none yet"


def test_a_changed_work_names_its_answers_and_their_reservation(world: World) -> None:
    settled(world)
    changes = world.ledger.charge_changes
    mark = changes.mark()
    assert mark is not None
    nothing, second = changes.since(mark, []), changes.since(mark, [2])
    assert nothing is not None
    assert second is not None
    assert (nothing.answers, nothing.rests) == ([], [])
    assert (second.answers, second.rests) == ([2], [1])
    assert not changes.any_behind(3)
    assert changes.any_behind(2)


def test_a_reservation_that_was_open_says_what_answers_without_a_bill_cost(world: World) -> None:
    settled(world)
    database, changes = world.ledger.database, world.ledger.charge_changes
    database.execute("UPDATE reservations SET state = 'open', settled = NULL")
    mark = changes.mark()
    assert mark is not None
    assert mark.open == [1]
    database.execute("UPDATE reservations SET state = 'settled', settled = 1700")
    since = changes.since(mark, [])
    assert since is not None
    assert (since.answers, since.rests) == ([3], [1])


def test_a_reservation_that_was_open_is_looked_at_without_an_answer(world: World) -> None:
    settled(world)
    world.works = world.works[:1]
    shard = world.seal(key="000002-bb", attempt=2)
    world.ledger.reservations.record_unasked(shard.row, 1, shard.max_cost, scope(1))
    mark = world.ledger.charge_changes.mark()
    assert mark is not None
    world.ledger.reservations.settle(shard.row, 1, None, NOW)
    since = world.ledger.charge_changes.since(mark, [])
    assert since is not None
    assert (since.answers, since.rests) == ([], [2])


def test_a_late_answer_changes_what_its_reservation_was_charged_beyond(world: World) -> None:
    settled(world)
    mark = world.ledger.charge_changes.mark()
    assert mark is not None
    world.ledger.database.execute(
        "INSERT INTO answers (work, attempt, batch, outcome, billed, received_at) "
        "VALUES (1, 2, 1, 'failed', 17, 5)"
    )
    since = world.ledger.charge_changes.since(mark, [])
    assert since is not None
    assert (since.answers, since.rests) == ([], [1])


def test_new_reservations_are_looked_at_and_older_ones_are_to_stay(world: World) -> None:
    settled(world)
    database, changes = world.ledger.database, world.ledger.charge_changes
    mark = changes.mark()
    assert mark is not None
    world.works = world.works[:1]
    shard = world.seal(key="000002-bb", attempt=2)
    world.ledger.reservations.record_unasked(shard.row, 1, shard.max_cost, scope(1))
    world.ledger.batches.add(shard.row, 1, remote("batch_2"), "main")
    since = changes.since(mark, [])
    assert since is not None
    assert since.rests == [2]
    for sql in (
        "UPDATE reservations SET settled = 17 WHERE id = 1",
        "UPDATE batches SET role = 'stray' WHERE id = 1",
        "UPDATE specs SET model = 'another'",
        "UPDATE answers SET batch = 2 WHERE id = 1",  # rows that come are not at the end
    ):
        database.execute("SAVEPOINT odd")
        database.execute(sql)
        assert changes.since(mark, []) is None, sql
        database.execute("ROLLBACK TO odd")


def test_groups_start_with_an_answer_or_behind_all(world: World) -> None:
    settled(world)
    changes = world.ledger.charge_changes
    assert changes.starts([1, 1, 1], {}) == [0, 2, 3]
    assert changes.starts([2, 1, 4], {}) == [0, 3, BEHIND]
    assert changes.starts([1, 1, 1], {1: 2, 2: 3}) == [0, 2, 3]
