from tests.ledger.world import NOW, World, remote


def test_what_is_seen_of_a_batch_is_not_unlearned(world: World) -> None:
    world.image("a.jpg", 1)
    world.submitted()
    batches = world.ledger.batches
    batches.observe(remote("batch_1", status="completed", output_file_id="out"), NOW)
    batches.observe(remote("batch_1", status="in_progress", total=1), NOW + 1)
    batch = batches.by_id("batch_1")
    assert batch is not None
    assert (batch.status, batch.output_file_id, batch.total) == ("completed", "out", 1)
    assert batches.by_id("nobody") is None
    assert batches.ids() == {"batch_1"}


def test_batches_by_state_and_by_shard(world: World) -> None:
    world.image("a.jpg", 1)
    shard, batch = world.submitted()
    batches = world.ledger.batches
    assert batches.in_states("open") == batches.of_shard(shard.row) == [batch]
    batches.move(batch.row, "downloaded")
    assert batches.in_states("open") == []
    assert [found.batch_id for found in batches.in_states("open", "downloaded")] == ["batch_1"]


def test_progress_is_what_the_service_last_said_of_open_batches(world: World) -> None:
    world.image("a.jpg", 1)
    world.image("b.jpg", 2)
    batches = world.ledger.batches
    assert batches.progress() == (0, 0)
    _, batch = world.submitted()
    assert batches.progress() == (0, 2)
    batches.observe(remote("batch_1", total=2, completed=1, failed=0), NOW)
    assert batches.progress() == (1, 2)
    batches.move(batch.row, "settled")
    assert batches.progress() == (0, 0)


def test_asking_to_cancel_is_remembered(world: World) -> None:
    world.image("a.jpg", 1)
    _, batch = world.submitted()
    assert batch.cancel_asked_at is None
    world.ledger.batches.cancel_asked(batch.row, NOW + 5)
    found = world.ledger.batches.by_id("batch_1")
    assert found is not None
    assert found.cancel_asked_at == NOW + 5


def test_how_long_completed_batches_took(world: World) -> None:
    world.image("a.jpg", 1)
    _, batch = world.submitted()
    batches, database = world.ledger.batches, world.ledger.database
    assert batches.durations() == []
    settled = "UPDATE batches SET status = ?, settled_at = created_at + 90, batch_id = ?"
    for status, name, taken in (
        ("completed", "batch_1", [90]), ("cancelled", "batch_1", []), ("completed", "online-1", []),
    ):  # fmt: skip
        database.execute(f"{settled} WHERE id = ?", (status, name, batch.row))
        assert batches.durations() == taken
