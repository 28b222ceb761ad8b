from collections.abc import Iterator

import pytest

from pipeline.core.retry import DEFAULT_RULES, RetryRule
from pipeline.ledger.answers import Ending, PricedAnswer
from tests.ledger.world import NOW, World, answered, remote, scope


def test_settling_keeps_captions_charges_them_and_frees_the_rest(world: World) -> None:
    world.image("a.jpg", 1)
    world.image("b.jpg", 2)
    shard, batch = world.submitted()
    keys = [key for _, key in world.works]
    answers = [
        answered(keys[0], 400),
        answered(keys[1], 0, outcome="expired", caption=None, usage=None),
    ]
    settled = world.ledger.answers.settle(shard, batch, answers, DEFAULT_RULES, NOW)
    assert (settled.billed, settled.again, settled.over) == (400, 1, [])
    assert settled.outcomes == {"captioned": 1, "expired": 1}
    assert world.ledger.reservations.totals().charged == world.ledger.audit.sums()[1] == 400
    assert world.ledger.rows.outcomes() == {"captioned": 1, "pending": 1}
    assert world.ledger.shards.get(shard.row).state == "SETTLED"


def test_settling_is_all_or_nothing(world: World) -> None:
    world.image("a.jpg", 1)
    shard, batch = world.submitted()

    def torn() -> Iterator[PricedAnswer]:
        yield answered(world.works[0][1])
        raise RuntimeError("the disk went away")

    with pytest.raises(RuntimeError):
        world.ledger.answers.settle(shard, batch, torn(), DEFAULT_RULES, NOW)
    assert world.ledger.audit.sums()[1] == 0
    assert world.ledger.reservations.totals().reserved == 1000


def test_what_may_have_been_billed_stays_counted_at_what_was_reserved(world: World) -> None:
    world.image("a.jpg", 1)
    world.image("b.jpg", 2)
    shard, batch = world.submitted(max_cost=1000)
    (_, first), (_, second) = world.works
    lines = [answered(first, 400), answered(second, None, outcome="missing", usage=None)]
    settled = world.ledger.answers.settle(shard, batch, lines, DEFAULT_RULES, NOW)
    assert (settled.billed, settled.charged) == (None, 1400)
    assert world.ledger.reservations.exposure(scope(1)).lifetime == 1400
    assert world.ledger.audit.sums()[1] == 400


def test_without_a_known_worst_the_whole_reservation_stays_counted(world: World) -> None:
    world.image("a.jpg", 1)
    shard, batch = world.submitted(max_cost=1000)
    lines = [answered(world.works[0][1], 400), answered(b"k" * 32, None)]
    assert world.ledger.answers.settle(shard, batch, lines, DEFAULT_RULES, NOW).charged is None
    assert world.ledger.reservations.exposure(scope(1)).lifetime == 1000


@pytest.mark.parametrize(
    ("end", "gone", "lines", "charged"),
    [
        ("whole", False, 0, 0),
        ("whole", True, 0, 1000),  # nobody knows what it held, and nobody can look any more
        ("whole", True, 1, 400),
        ("lost", False, 1, 1000),
        ("lost", False, 0, 1000),
    ],
)
def test_a_batch_of_unknown_cost_is_charged_at_its_whole_reservation(
    world: World, end: Ending, gone: bool, lines: int, charged: int
) -> None:
    world.image("a.jpg", 1)
    shard, batch = world.submitted()
    if gone:
        world.ledger.batches.vanished(batch.row, NOW)
    looked_at = world.ledger.batches.by_id(batch.batch_id)
    assert looked_at is not None
    answers = [answered(key, 400) for _, key in world.works][:lines]
    world.ledger.answers.settle(shard, looked_at, answers, DEFAULT_RULES, NOW, ends=lambda: end)
    assert world.ledger.reservations.exposure(scope(1)).lifetime == charged


def test_a_line_that_cost_more_than_reserved_is_told(world: World) -> None:
    world.image("a.jpg", 1)
    shard, batch = world.submitted()
    key = world.works[0][1]
    settled = world.ledger.answers.settle(shard, batch, [answered(key, 1001)], DEFAULT_RULES, NOW)
    assert settled.over == [answered(key).answer.custom_id]
    assert world.ledger.reservations.exposure(scope(1)).lifetime == 1001


def test_a_better_answer_is_shown_and_every_charge_counts(world: World) -> None:
    world.image("a.jpg", 1)
    shard, batch = world.submitted()
    key = world.works[0][1]
    rules = {**DEFAULT_RULES, "length": RetryRule(attempts=2)}
    first = answered(key, 300, outcome="length", caption="a ca")
    assert world.ledger.answers.settle(shard, batch, [first], rules, NOW).again == 1
    assert world.ledger.rows.outcomes() == {"length": 1}
    stray = world.ledger.batches.add(shard.row, 1, remote("batch_2"), "stray")
    world.ledger.reservations.record_unasked(shard.row, -stray, 1000, scope(1))
    second = world.ledger.batches.by_id("batch_2")
    assert second is not None
    world.ledger.answers.settle(shard, second, [answered(key, 400, attempt=2)], rules, NOW)
    assert world.ledger.rows.outcomes() == {"captioned": 1}
    assert world.ledger.reservations.totals().charged == world.ledger.audit.sums()[1] == 700


def test_an_answer_nobody_planned_is_kept(world: World) -> None:
    world.image("a.jpg", 1)
    shard, batch = world.submitted()
    world.ledger.answers.settle(shard, batch, [answered(b"k" * 32, 5)], DEFAULT_RULES, NOW)
    work = world.ledger.works.peek(b"k" * 32)
    assert work is not None
    assert work.state == "done"


def test_odd_text_is_kept(world: World) -> None:
    world.image("a.jpg", 1)
    shard, batch = world.submitted()
    text = "a\u2028b\u0085c\x00d\x1ce " + "é" * 1_000_000
    settle = world.ledger.answers.settle
    settle(shard, batch, [answered(world.works[0][1], caption=text)], DEFAULT_RULES, NOW)
    assert world.ledger.database.one("SELECT caption FROM answers") == (text,)


def test_a_lone_surrogate_becomes_a_replacement_character(world: World) -> None:
    world.image("a.jpg", 1)
    shard, batch = world.submitted()
    settle = world.ledger.answers.settle
    settle(shard, batch, [answered(world.works[0][1], caption="x\ud800y")], DEFAULT_RULES, NOW)
    assert world.ledger.database.one("SELECT caption FROM answers") == ("x\ufffdy",)


def test_estimates_are_held_against_bills(world: World) -> None:
    world.image("a.jpg", 1)
    shard, batch = world.submitted()
    world.ledger.answers.settle(shard, batch, [answered(world.works[0][1])], DEFAULT_RULES, NOW)
    assert world.ledger.answers.calibration() == [("gpt-6-luna", 100, 120, 1, 40, 60)]


def test_retry_by_hand_and_repeated_captions(world: World) -> None:
    for number in range(3):
        world.image(f"{number}.jpg", number + 1)
    shard, batch = world.submitted()
    answers = [answered(key) for _, key in world.works[:2]]
    answers.append(answered(world.works[2][1], outcome="refused", caption=None))
    world.ledger.answers.settle(shard, batch, answers, DEFAULT_RULES, NOW)
    assert world.ledger.answers.repeated_captions(world.spec, 2) == [("a cat", 2)]
    assert world.ledger.answers.repeated_captions(world.spec, 3) == []
    assert world.ledger.answers.retry(["refused"]) == 1
    assert [work for work, _ in world.ledger.images.unsent(world.source, world.spec)] == [
        world.works[2][0]
    ]
