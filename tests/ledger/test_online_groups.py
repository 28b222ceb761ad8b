from __future__ import annotations

from pipeline.ledger.online_groups import OnlineGroups, is_online
from tests.ledger.world import World


def test_keys_of_groups_are_told_from_batches() -> None:
    assert is_online("online-000001-abcd")
    assert not is_online("batch_123")


def test_what_never_left_is_free_and_no_attempt_is_counted(world: World) -> None:
    world.image("a.jpg", 1)
    world.image("b.jpg", 2)
    shard = world.seal(key="online-000001-aa")
    (first, key), (second, _) = world.works
    OnlineGroups(world.ledger.database).take_out(shard.row, [second])
    assert [key for _, key, *_ in world.ledger.shards.items(shard.row)] == [key]
    states = world.ledger.database.execute("SELECT id, state, attempts FROM works").fetchall()
    assert states == [(first, "live", 1), (second, "pending", 0)]
    OnlineGroups(world.ledger.database).take_out(shard.row, [second])  # nothing is counted twice
    assert (
        states == world.ledger.database.execute("SELECT id, state, attempts FROM works").fetchall()
    )
