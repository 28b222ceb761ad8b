import pytest

from pipeline.core.identity import WorkAttempt
from pipeline.errors import BooksError
from pipeline.ledger.adoption import RecoveredShard
from pipeline.ledger.shards import NewItem, Shard
from pipeline.system.clock import Moment
from tests.ledger.world import NOW, World, remote


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


def works(world: World) -> list[tuple[object, ...]]:
    return world.ledger.database.execute("SELECT state, attempts FROM works ORDER BY id").fetchall()


def test_an_arrow_of_an_earlier_generation_goes_nowhere(world: World) -> None:
    world.image("a.jpg", 1)
    shard = world.seal()
    world.ledger.database.execute("UPDATE shards SET seal = x'00'")
    again = world.ledger.shards.move(shard, "SEALED", generation=2, not_before=7)
    assert (again.state, again.generation, again.not_before) == ("SEALED", 2, 7)
    assert world.ledger.database.one("SELECT seal FROM shards") == (None,)
    with pytest.raises(BooksError, match="no longer SEALED"):
        world.ledger.shards.move(shard, "UPLOADING")
    assert world.ledger.shards.move(again, "UPLOADING").generation == 2


def test_shards_are_found_by_row_key_and_state_in_their_order(world: World) -> None:
    shards = world.ledger.shards
    assert (shards.next_number(), shards.by_key("000001-aa")) == (1, None)
    world.image("a.jpg", 1)
    first = world.seal()
    shards.dissolve(first)
    second = world.seal(key="000002-bb")
    assert shards.next_number() == 3
    assert shards.by_key("000002-bb") == shards.get(second.row) == second
    found = shards.in_states("SEALED", "DISSOLVED")
    assert [(shard.row, shard.state) for shard in found] == [
        (first.row, "DISSOLVED"),
        (second.row, "SEALED"),
    ]
    assert shards.in_states("SETTLED") == []


def test_a_shard_counts_what_its_lines_may_cost_and_guess(world: World) -> None:
    world.image("a.jpg", 1)
    world.image("b.jpg", 2)
    shard = world.seal(max_cost=700)
    assert (shard.max_cost, shard.guessed, shard.prompt_tokens) == (1400, 80, 200)
    assert [(item[2], item[3], item[4]) for item in world.ledger.shards.items(shard.row)] == [
        (1, True, 700),
        (1, True, 700),
    ]


def test_a_refusal_is_kept_with_the_first_of_its_words(world: World) -> None:
    world.image("a.jpg", 1)
    shard = world.seal()
    world.ledger.shards.note_refusal(shard.row, 3, "x" * 501)
    noted = world.ledger.shards.get(shard.row)
    assert (noted.refusals, noted.problem) == (3, "x" * 500)


def test_shards_that_were_asked_for_have_an_intent_or_a_later_generation(world: World) -> None:
    world.image("a.jpg", 1)
    shards = world.ledger.shards
    shard = world.seal()
    assert shards.asked_keys() == frozenset()
    asked = shards.move(shard, "CREATING", intent_at=NOW)
    assert shards.asked_keys() == {shard.shard_key}
    again = shards.move(asked, "SEALED", intent_at=None, generation=2)
    assert shards.asked_keys() == {again.shard_key}


def another_batch(world: World, shard: Shard) -> int:
    """Batch of the shard that came to light later; gives its row."""
    return world.ledger.batches.add(shard.row, 1, remote("batch_9"), "stray")


@pytest.mark.parametrize(
    ("outcome", "attempt", "after", "state"),
    [
        ("captioned", 1, None, ("done", 1)),
        ("refused", 1, None, ("done", 1)),  # paid, though there is no caption
        ("failed", 1, None, ("pending", 0)),  # nothing was paid
        ("captioned", 1, "captioned", ("done", 1)),  # a person asked again, and was answered
    ],
)
def test_a_work_that_was_paid_for_meanwhile_is_done_when_its_shard_is_taken_apart(
    world: World, outcome: str, attempt: int, after: str | None, state: tuple[object, ...]
) -> None:
    world.image("a.jpg", 1)
    shard = world.seal()
    world.ledger.database.execute(
        "INSERT INTO answers (work, attempt, batch, outcome, received_at) "
        "SELECT id, ?, ?, ?, 1 FROM works", (attempt, another_batch(world, shard), outcome),
    )  # fmt: skip
    world.ledger.database.execute("UPDATE works SET outcome = ?, after = ?", (outcome, after))
    world.ledger.shards.dissolve(shard)
    assert works(world) == [state]
    assert list(world.ledger.shards.items(shard.row)) == []


def test_an_earlier_answer_does_not_pay_for_a_later_attempt(world: World) -> None:
    world.image("a.jpg", 1)
    shard = world.seal(attempt=2)
    world.ledger.database.execute(
        "INSERT INTO answers (work, attempt, batch, outcome, received_at) "
        "SELECT id, 1, ?, 'length', 1 FROM works", (another_batch(world, shard),),
    )  # fmt: skip
    world.ledger.shards.dissolve(shard)
    assert works(world) == [("pending", 1)]


def test_only_a_shard_of_which_a_file_is_still_read_is_left_uncleaned(world: World) -> None:
    world.image("a.jpg", 1)
    shard, batch = world.submitted()
    shards, batches = world.ledger.shards, world.ledger.batches
    shards.move(shard, "DISSOLVED")
    for state, cleaned in (("open", False), ("downloaded", False), ("settled", True)):
        batches.move(batch.row, state)
        assert bool(shards.to_clean()) == cleaned


def test_a_work_that_is_at_the_service_in_another_shard_is_live_there_from_now_on(
    world: World,
) -> None:
    world.image("a.jpg", 1)
    world.ledger.shards.dissolve(world.seal())
    world.image("b.jpg", 2)
    second = world.seal(key="000002-bb")
    lost = RecoveredShard("000009-12345678", 1, "gpt-6-luna", 1, 77, None, None)
    adopted = world.ledger.adoption.adopt(lost, Moment(NOW, "boot:5"))
    world.ledger.adoption.add_lines(adopted, [WorkAttempt(world.works[0][1], 3)])
    world.ledger.shards.dissolve(second)
    assert works(world) == [("live", 3), ("pending", 0)]
    assert [(item[2], item[3]) for item in world.ledger.shards.items(adopted)] == [(3, True)]


def test_lines_that_were_live_before_change_no_work(world: World) -> None:
    world.image("a.jpg", 1)
    world.image("b.jpg", 2)
    shard = world.seal()
    world.ledger.database.execute("DELETE FROM items")
    lines = (
        NewItem(work, 9, 5, 5, 5, live=number == 0) for number, (work, _) in enumerate(world.works)
    )
    world.ledger.shards.add_items(shard.row, lines)
    assert works(world) == [("live", 1), ("live", 9)]
