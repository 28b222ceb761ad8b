"""The constraints that make the promises structural: the database itself refuses to break them."""

import sqlite3

import pytest

from pipeline.ledger.shards import NewItem
from tests.ledger.world import World, remote


def test_a_work_lives_in_one_shard_only(world: World) -> None:
    world.image("a.jpg", 1)
    world.seal()
    with pytest.raises(sqlite3.IntegrityError):
        world.seal(key="000002-bb")


def test_an_attempt_exists_once(world: World) -> None:
    world.image("a.jpg", 1)
    shard = world.seal()
    world.ledger.shards.dissolve(shard)
    again = world.seal(key="000002-bb")
    world.ledger.database.execute("UPDATE items SET live = 0")
    with pytest.raises(sqlite3.IntegrityError):
        world.ledger.shards.add_items(again.row, [NewItem(world.works[0][0], 1, 1, 1, 1)])


def test_a_batch_id_exists_once_and_a_generation_has_one_main_batch(world: World) -> None:
    world.image("a.jpg", 1)
    shard, _ = world.submitted()
    with pytest.raises(sqlite3.IntegrityError):
        world.ledger.batches.add(shard.row, 2, remote("batch_1"), "main")
    with pytest.raises(sqlite3.IntegrityError):
        world.ledger.batches.add(shard.row, 1, remote("batch_2"), "main")
    world.ledger.batches.add(shard.row, 1, remote("batch_3"), "stray")


def test_a_generation_is_reserved_once(world: World) -> None:
    world.image("a.jpg", 1)
    shard, _ = world.submitted()
    with pytest.raises(sqlite3.IntegrityError):
        world.ledger.database.execute(
            "INSERT INTO reservations (shard, generation, day, month, state, made_at) "
            "VALUES (?, 1, '', '', 'open', 0)",
            (shard.row,),
        )


def test_a_preparation_is_a_content_or_a_reason(world: World) -> None:
    world.image("a.jpg", 1)
    for values in ("(1, 9, NULL, NULL)", "(1, 9, 1, 'broken')"):
        with pytest.raises(sqlite3.IntegrityError):
            world.ledger.database.execute(
                f"INSERT INTO preparations (original, recipe, content, reject_code) VALUES {values}"
            )


def test_where_a_work_is_is_found_without_reading_every_item(world: World) -> None:
    world.image("a.jpg", 1)
    shard = world.seal()
    asked: list[str] = []
    world.ledger.database._connection.set_trace_callback(asked.append)
    assert not world.ledger.adoption.overtaken(shard)
    assert world.ledger.handed_out.find(world.works[0][1], 1).state == "under way"
    assert len(asked) == 2
    for sql in asked:
        plan = world.ledger.database.execute(f"EXPLAIN QUERY PLAN {sql}")
        assert not [row[3] for row in plan if str(row[3]).startswith("SCAN")]
