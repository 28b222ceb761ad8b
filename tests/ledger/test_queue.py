from tests.ledger.world import World


def test_queued_tokens_count_what_may_be_at_the_service(world: World) -> None:
    world.image("a.jpg", 1)
    assert world.ledger.queue.ours("gpt-6-luna") == 0
    world.submitted()
    assert world.ledger.queue.ours("gpt-6-luna") == 100


def test_a_learned_limit_is_remembered(world: World) -> None:
    assert world.ledger.queue.limit("m") is None
    world.ledger.queue.learn_limit("m", 2_000_000)
    world.ledger.queue.learn_limit("m", 3_000_000)
    assert world.ledger.queue.limit("m") == 3_000_000


def test_foreign_batches_count_in_our_requests_size(world: World) -> None:
    world.image("a.jpg", 1)
    world.seal()
    world.ledger.queue.note_foreign({"gpt-6-luna": 7, "other": 2})
    assert world.ledger.queue.foreign("gpt-6-luna") == 700
    assert world.ledger.queue.foreign("other") == 1000
    world.ledger.queue.note_foreign({})
    assert world.ledger.queue.foreign("gpt-6-luna") == 0
