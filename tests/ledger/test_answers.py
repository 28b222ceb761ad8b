from collections.abc import Iterator
from decimal import Decimal

import pytest

from pipeline.core.pricing import PriceSheet, Rates
from pipeline.core.retry import DEFAULT_RULES, RetryRule
from pipeline.ledger.answers import Ending, PricedAnswer
from pipeline.ledger.batches import Batch
from pipeline.ledger.shards import Shard
from pipeline.ledger.works import Work
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
    assert world.ledger.answers.repeated_captions(world.spec, 3, 2) == [("a cat", 2)]
    assert world.ledger.answers.repeated_captions(world.spec, 3, 3) == []
    assert world.ledger.answers.retry(["refused"]) == 1
    assert [work for work, _ in world.ledger.images.unsent(world.source, world.spec)] == [
        world.works[2][0]
    ]


def settled_three(world: World, *outcomes: str) -> tuple[Shard, Batch]:
    """Three images whose batch is settled with these outcomes, in the ledger's second shard."""
    world.image("0.jpg", 1)
    world.ledger.shards.dissolve(world.seal(key="000000-00"))
    for number in range(1, 3):
        world.image(f"{number}.jpg", number + 1)
    shard, batch = world.submitted()
    answers = [
        answered(key, outcome=outcome, code=f"c{n}", reason=f"why {n}")
        for n, ((_, key), outcome) in enumerate(zip(world.works, outcomes, strict=False))
    ]
    world.ledger.answers.settle(shard, batch, answers, DEFAULT_RULES, NOW)
    return shard, batch


def test_what_is_settled_is_closed_and_sealed(world: World) -> None:
    shard, batch = settled_three(world, "captioned", "captioned", "captioned")
    rows = [
        ("SELECT state, settled_at, seal IS NOT NULL FROM batches WHERE id = ?", batch.row),
        ("SELECT state, cleaned, seal IS NOT NULL FROM shards WHERE id = ?", shard.row),
        ("SELECT state, closed_at, seal IS NOT NULL FROM reservations WHERE shard = ?", shard.row),
    ]
    assert [world.ledger.database.one(sql, (row,)) for sql, row in rows] == [
        ("settled", NOW, 1),
        ("SETTLED", 0, 1),
        ("settled", NOW, 1),
    ]
    assert world.ledger.shards.get(shard.row - 1).state == "DISSOLVED"


def test_a_second_batch_settles_itself_and_not_the_shard(world: World) -> None:
    world.image("a.jpg", 1)
    shard, _ = world.submitted()
    row = world.ledger.batches.add(shard.row, 1, remote("batch_2"), "stray")
    world.ledger.reservations.record_unasked(shard.row, -row, 1000, scope(1))
    second = world.ledger.batches.by_id("batch_2")
    assert second is not None
    lines = [answered(world.works[0][1], 300)]
    world.ledger.answers.settle(shard, second, lines, DEFAULT_RULES, NOW)
    states = world.ledger.database.execute("SELECT state FROM batches ORDER BY id").fetchall()
    assert states == [("open",), ("settled",)]
    assert world.ledger.shards.get(shard.row).state == "SUBMITTED"
    totals = world.ledger.reservations.totals()
    assert (totals.charged, totals.reserved) == (300, 1000)


def test_what_a_service_bills_beyond_its_answers_is_charged_and_said(world: World) -> None:
    world.image("a.jpg", 1)
    shard, _ = world.submitted(max_cost=10**12)
    rates = Rates(*map(Decimal, ("2", "1", "2", "8")))
    prices = PriceSheet(rates, "v1", "batch").to_text()
    world.ledger.database.execute("UPDATE shards SET prices = ?", (prices,))
    world.ledger.batches.observe(remote("batch_1", prompt_tokens=150, completion_tokens=21), NOW)
    batch = world.ledger.batches.by_id("batch_1")
    assert batch is not None
    shard = world.ledger.shards.get(shard.row)
    lines = [answered(world.works[0][1], 400)]  # of 120 and 20 tokens
    settled = world.ledger.answers.settle(shard, batch, lines, DEFAULT_RULES, NOW)
    beyond = world.ledger.database.number("SELECT beyond FROM batches")
    assert beyond > 0
    assert settled.charged == settled.billed == 400 + beyond
    assert world.ledger.reservations.totals().charged == 400 + beyond
    (words,) = settled.differences
    assert words.startswith("batch batch_1: ")


def test_missing_and_failed_answers_are_counted_by_batch_and_code(world: World) -> None:
    _, batch = settled_three(world, "missing", "failed", "failed")
    answers = world.ledger.answers
    assert (answers.count(), answers.count_missing(batch.row)) == (3, 1)
    assert answers.count_missing(batch.row + 1) == 0
    assert answers.refusals(world.spec) == [("c1", 1, "why 1"), ("c2", 1, "why 2")]
    world.ledger.database.execute("UPDATE images SET present = 0 WHERE id = 2")
    assert answers.refusals(world.spec) == [("c2", 1, "why 2")]
    assert answers.refusals(world.spec + 1) == []


def test_only_images_that_are_there_go_again_and_cost(world: World) -> None:
    settled_three(world, "refused", "refused", "length")
    answers, database = world.ledger.answers, world.ledger.database
    assert answers.max_cost(["refused"]) == 2000
    assert answers.max_cost(["refused", "length"]) == 3000
    database.execute("UPDATE images SET present = 0 WHERE id = 1")
    assert answers.max_cost(["refused"]) == 1000
    assert answers.retry(["refused"]) == 1
    states = database.execute("SELECT state, after FROM works ORDER BY id").fetchall()
    assert states == [("done", None), ("pending", "refused"), ("done", None)]
    assert answers.retry(["refused"]) == 0, "it goes already"


def test_one_work_is_asked_again_unless_it_was_meanwhile(world: World) -> None:
    settled_three(world, "captioned", "captioned", "captioned")
    answers, key = world.ledger.answers, world.works[0][1]
    assert answers.captioned(world.spec) == 3
    assert answers.ask_again(key, 0, world.spec) == 0, "it was tried since"
    assert answers.ask_again(key, 1, world.spec + 1) == 0
    world.ledger.database.execute("UPDATE images SET present = 0 WHERE id = 2")
    assert answers.ask_again(world.works[1][1], 1, world.spec) == 0
    assert answers.ask_again(key, 1, world.spec) == 1
    assert answers.ask_again(key, 1, world.spec) == 0
    assert world.ledger.works.peek(key) == Work(1, "pending", 1, "captioned")


def test_the_most_frequent_caption_comes_first(world: World) -> None:
    settled_three(world, "captioned", "captioned", "captioned")
    world.ledger.database.execute("UPDATE answers SET caption = 'a dog' WHERE id = 2")
    assert world.ledger.answers.repeated_captions(world.spec, 3, 1) == [("a cat", 2), ("a dog", 1)]
    assert world.ledger.answers.repeated_captions(world.spec + 1, 3, 1) == []


def test_settling_holds_few_pages_and_looks_up_no_references(world: World) -> None:
    def pragmas() -> list[int]:
        return [world.ledger.database.number(f"PRAGMA {n}") for n in ("cache_size", "foreign_keys")]

    before = pragmas()
    with world.ledger.answers.settling():
        assert pragmas() == [-8192, 0]
    assert pragmas() == before == [-65536, 1]
