"""Seals of rows that are closed."""

from __future__ import annotations

import pytest

from pipeline.core.identity import WorkAttempt
from pipeline.core.retry import DEFAULT_RULES
from pipeline.ledger.seals import ITEMS, SEALED, break_seal, broken_seals, set_seal
from tests.ledger.world import NOW, World, answered, remote, scope


@pytest.fixture
def closed(world: World) -> World:
    """A shard of two requests, settled."""
    world.settle_two()
    return world


def broken(world: World) -> dict[str, int]:
    return dict(broken_seals(world.ledger.database))


@pytest.mark.parametrize("table", SEALED)
def test_settling_seals_what_it_closes(closed: World, table: str) -> None:
    seals = closed.ledger.database.execute(f"SELECT seal FROM {table}").fetchall()
    assert [len(seal) for (seal,) in seals] == [16]
    assert broken(closed) == {}


@pytest.mark.parametrize("reverse", [False, True])
def test_items_are_sealed_as_they_follow_each_other(world: World, *, reverse: bool) -> None:
    for number, name in enumerate(("a.jpg", "b.jpg", "c.jpg"), 1):
        world.image(name, number)
    shard, batch = world.submitted()
    if reverse:
        world.ledger.database.execute("UPDATE items SET id = 100 - id, estimated = id")
    planned = world.ledger.answers.planned(shard, batch)
    assert (planned.sealed_items() is None) == reverse
    world.ledger.answers.settle(shard, batch, [answered(world.works[0][1])], DEFAULT_RULES, NOW)
    assert world.ledger.shards.get(shard.row).state == "SETTLED"
    assert broken(world) == {}


@pytest.mark.parametrize(
    ("table", "column"), [(table, name) for table, names in SEALED.items() for name in names]
)
def test_a_changed_cell_breaks_the_seal(closed: World, table: str, column: str) -> None:
    (kind,) = closed.ledger.database.execute(f"SELECT typeof({column}) FROM {table}").fetchone()
    new = {"integer": 77, "null": None, "text": "released", "blob": b"x"}[kind]
    if new is None:
        declared = closed.ledger.database.execute(f"PRAGMA table_info({table})").fetchall()
        new = {"INTEGER": 7, "TEXT": "x"}[next(row[2] for row in declared if row[1] == column)]
    new = "stray" if column == "role" else new
    closed.ledger.database.execute("PRAGMA foreign_keys = OFF")
    closed.ledger.database.execute(f"UPDATE {table} SET {column} = ?", (new,))
    assert broken(closed) == {table: 1}


@pytest.mark.parametrize("column", ITEMS)
def test_a_changed_item_breaks_the_seal_of_its_shard(closed: World, column: str) -> None:
    closed.ledger.database.execute("PRAGMA foreign_keys = OFF")
    closed.ledger.database.execute(f"UPDATE items SET {column} = 77 WHERE id = 2")
    assert broken(closed) == {"shards": 1}


def test_who_changes_a_closed_row_takes_its_seal_away(closed: World) -> None:
    ledger = closed.ledger
    shard = ledger.shards.get(1)
    ledger.shards.move(shard, "SUBMITTED", generation=2)
    ledger.batches.observe(remote("batch_1"), NOW + 1)
    ledger.adoption.add_lines(1, [WorkAttempt(b"w" * 32, 1)])
    assert broken(closed) == {}
    assert ledger.database.execute("SELECT seal FROM shards").fetchall() == [(None,)]
    set_seal(ledger.database, "shards", 1)
    break_seal(ledger.database, "shards", 1)
    assert ledger.database.execute("SELECT seal FROM shards").fetchall() == [(None,)]


def test_a_reservation_is_sealed_when_it_is_released_and_open_again_without_one(
    world: World,
) -> None:
    world.image("a.jpg", 1)
    shard, _ = world.submitted()
    seal = "SELECT seal IS NULL FROM reservations"
    world.ledger.reservations.release(shard.row, 1, NOW)
    assert world.ledger.database.execute(seal).fetchall() == [(0,)]
    world.ledger.reservations.record_unasked(shard.row, 1, shard.max_cost, scope(1))
    assert world.ledger.database.execute(seal).fetchall() == [(1,)]
