from pipeline.core.batch_usage import TokenSums
from pipeline.system.clock import Moment
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


def test_each_look_adds_what_it_shows_and_takes_nothing_away(world: World) -> None:
    world.image("a.jpg", 1)
    _, batch = world.submitted()
    batches = world.ledger.batches
    shown = {
        "output_file_id": "out", "error_file_id": "err", "expires_at": NOW + 9, "total": 3,
        "completed": 2, "failed": 1, "prompt_tokens": 50, "completion_tokens": 60,
    }  # fmt: skip
    batches.vanished(batch.row, NOW)
    world.ledger.database.execute("UPDATE batches SET seal = x'00'")
    batches.observe(remote("batch_1", errors=(("a", "b"), ("c", "d")), **shown), NOW)
    seen = batches.by_id("batch_1")
    assert seen is not None
    assert {name: getattr(seen, name) for name in shown} | {"usage": seen.usage} == {
        **shown, "usage": TokenSums(50, 60)
    }  # fmt: skip
    assert (seen.problem, seen.vanished_at, seen.status) == ("a: b; c: d", None, "in_progress")
    assert world.ledger.database.one("SELECT seal, polled_at FROM batches") == (None, NOW)
    batches.observe(remote("batch_1", status="finalizing"), NOW + 1)
    later = batches.by_id("batch_1")
    assert later is not None
    assert {name: getattr(later, name) for name in shown} == shown
    assert (later.status, later.problem) == ("finalizing", "")


def test_a_doubt_lasts_since_it_came_and_a_batch_is_late_since_the_first_one(
    world: World,
) -> None:
    world.image("a.jpg", 1)
    world.submitted()
    batches = world.ledger.batches
    for at, doubt, since in ((5, "cut", 5), (6, "cut", 5), (7, "gone", 7), (8, "", 8)):
        batch = batches.by_id("batch_1")
        assert batch is not None
        batches.move(batch.row, "downloaded")
        batches.postpone(batch, Moment(NOW + at, f"boot:{at}"), doubt)
        batch = batches.by_id("batch_1")
        assert batch is not None
        assert (batch.state, batch.doubt, batch.late_looks) == ("open", doubt, at - 4)
        assert (batch.late_since, batch.late_uptime) == (NOW + 5, "boot:5")
        assert (batch.doubt_since, batch.doubt_uptime) == (NOW + since, f"boot:{since}")


def test_a_batch_is_booked_decides_and_frees_by_its_role(world: World) -> None:
    world.image("a.jpg", 1)
    shard, _ = world.submitted()
    batches = world.ledger.batches
    for name, role in (("batch_2", "stray"), ("batch_3", "file"), ("batch_4", "main")):
        batches.add(shard.row, 7, remote(name), role, made_here=name != "batch_3")
    stray, file, main = batches.of_shard(shard.row)[1:]
    assert [batch.booked_as for batch in (stray, file, main)] == [-stray.row, -file.row, 7]
    assert [batch.decides_shard(7) for batch in (stray, file, main)] == [False, False, True]
    assert [batch.frees(7) for batch in (stray, file, main)] == [False, True, True]
    assert [batch.frees(6) for batch in (stray, file, main)] == [False, True, False]
    assert [batch.made_here for batch in (stray, file, main)] == [1, 0, 1]
    assert main.usage is None


def test_only_batches_made_here_that_ran_tell_how_long_they_take(world: World) -> None:
    world.image("a.jpg", 1)
    shard, _ = world.submitted()
    batches, database = world.ledger.batches, world.ledger.database
    for number in range(2, 6):
        batches.add(shard.row, number, remote(f"batch_{number}"), "main")
    database.execute("UPDATE batches SET status = 'completed', settled_at = created_at + 100 * id")
    assert batches.durations() == [500, 400, 300, 200, 100]
    assert batches.durations(2) == [500, 400]
    database.execute("UPDATE batches SET made_here = 0 WHERE id = 5")
    database.execute("UPDATE batches SET role = 'stray' WHERE id = 4")
    database.execute("UPDATE batches SET settled_at = created_at - 1 WHERE id = 3")
    database.execute("UPDATE batches SET settled_at = created_at WHERE id = 2")
    assert batches.durations() == [0, 100]


def test_progress_counts_failures_too(world: World) -> None:
    world.image("a.jpg", 1)
    world.submitted()
    batches = world.ledger.batches
    batches.observe(remote("batch_1", failed=1), NOW)
    assert batches.progress() == (1, 1)
    batches.observe(remote("batch_1", completed=2), NOW)
    assert batches.progress() == (3, 1)
