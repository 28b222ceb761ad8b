import pytest

from pipeline.errors import BooksError
from tests.ledger.world import NOW, World


def test_sealing_makes_works_live_and_dissolving_gives_them_back(world: World) -> None:
    world.image("a.jpg", 1)
    world.image("b.jpg", 2)
    shard = world.seal()
    assert (shard.state, shard.requests, shard.prompt_tokens) == ("SEALED", 2, 200)
    states = world.ledger.database.execute("SELECT state, attempts FROM works").fetchall()
    assert states == [("live", 1), ("live", 1)]
    world.ledger.shards.dissolve(shard)
    states = world.ledger.database.execute("SELECT state, attempts FROM works").fetchall()
    assert states == [("pending", 0), ("pending", 0)]
    assert world.seal(key="000002-bb").requests == 2


def test_an_arrow_starts_from_the_state_that_was_seen(world: World) -> None:
    world.image("a.jpg", 1)
    shard = world.seal()
    moved = world.ledger.shards.move(shard, "UPLOADING")
    assert moved.state == "UPLOADING"
    with pytest.raises(BooksError, match="no longer SEALED"):
        world.ledger.shards.move(shard, "UPLOADING")


def test_only_what_is_over_is_cleaned(world: World) -> None:
    world.image("a.jpg", 1)
    shard, batch = world.submitted()
    shards = world.ledger.shards
    assert shards.to_clean() == []
    shards.move(shard, "SETTLED")
    assert shards.to_clean() == []  # its batch is still open
    world.ledger.batches.move(batch.row, "settled")
    assert shards.to_clean() == [(shard.row, shard.shard_key, "file-1")]
    shards.cleaned(shard.row)
    assert shards.to_clean() == []
    with pytest.raises(BooksError, match="no shard 99"):
        shards.get(99)


def test_create_calls_of_the_last_hour_are_counted(world: World) -> None:
    world.image("a.jpg", 1)
    world.submitted()
    assert world.ledger.shards.created_since(NOW) == 1
    assert world.ledger.shards.created_since(NOW + 1) == 0
