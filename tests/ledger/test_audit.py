from pipeline.core.retry import DEFAULT_RULES
from tests.ledger.world import NOW, World, answered


def settled(world: World, billed: int | None = 400) -> None:
    world.image("a.jpg", 1)
    shard, batch = world.submitted()
    line = answered(world.works[0][1], billed)
    world.ledger.answers.settle(shard, batch, [line], DEFAULT_RULES, NOW)


def test_a_sound_ledger_has_no_contradictions(world: World) -> None:
    assert list(world.ledger.audit.contradictions()) == []
    settled(world)
    assert list(world.ledger.audit.contradictions()) == []
    assert world.ledger.audit.sums() == (400, 400)


def test_a_line_of_unknown_cost_counts_at_what_was_reserved(world: World) -> None:
    settled(world, None)
    assert list(world.ledger.audit.contradictions()) == []
    assert world.ledger.audit.sums() == (1000, 0)


def test_sums_that_disagree_are_named(world: World) -> None:
    settled(world)
    world.ledger.database.execute("UPDATE answers SET billed = 399")
    assert list(world.ledger.audit.contradictions()) == [
        "batch batch_1: 400 nano-dollars settled, but 399 in its answers"
    ]


def test_what_should_be_on_the_disk(world: World) -> None:
    settled(world)
    audit = world.ledger.audit
    (shard,) = audit.shards()
    assert (shard.shard_key, shard.state, shard.checksum) == ("000001-aa", "SETTLED", bytes(32))
    (batch,) = audit.batches()
    assert (batch.shard_key, batch.batch_id, batch.output) == ("000001-aa", "batch_1", False)
    world.ledger.shards.cleaned(1)
    assert audit.shards() == []
