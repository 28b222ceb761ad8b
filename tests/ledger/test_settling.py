from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import chain, pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from pipeline.core.identity import custom_id
from pipeline.core.ordinary_answers import OrdinaryAnswers
from pipeline.core.retry import DEFAULT_RULES, RetryRule
from pipeline.ledger import Ledger, planned, settling
from pipeline.ledger.batches import Batch
from pipeline.ledger.settled import Lines, OrdinaryPage
from pipeline.ledger.settling import PricedAnswer, Settled
from pipeline.ledger.shards import Shard
from pipeline.ledger.specs import SpecText
from pipeline.records import Usage
from tests.ledger.world import ADMISSION, NOW, SPEC, World, answered, remote, scope

RULES = {**DEFAULT_RULES, "length": RetryRule(attempts=2)}
KEYS = 5  # three planned, two that nobody knows

Line = tuple[int, int, str, str, int | None, bool]

lines = st.lists(
    st.tuples(
        st.integers(0, KEYS - 1),
        st.integers(1, 2),
        st.sampled_from(["captioned", "length", "refused", "failed", "expired", "missing"]),
        st.sampled_from(["", "429", "content_policy"]),
        st.sampled_from([None, 0, 400, 1001]),
        st.booleans(),
    ),
    max_size=8,
)


def answers(world: World, given: list[Line]) -> list[PricedAnswer]:  # fmt: skip
    keys = [key for _, key in world.works] + [b"k" * 32, b"l" * 32]
    return [
        answered(keys[which], billed, attempt, outcome=outcome, code=code, caption=f"{number}",
                 usage=Usage(120, 0, 0, 20, 0) if used else None)
        for number, (which, attempt, outcome, code, billed, used) in enumerate(given)
    ]  # fmt: skip


def captioned_world(ledger: Ledger, *, images: int) -> World:
    """So many images in a new ledger."""
    ledger.begin_run("run", NOW)
    world = World(ledger)
    world.source = ledger.images.source("folder", "/imgs", "imgs")
    world.folder, _ = ledger.images.folder(world.source, "")
    world.spec = ledger.specs.spec(SPEC, SpecText("openai", "", "m", "/v1/x"), NOW)
    world.recipe = ledger.specs.recipe({}, {})
    ledger.images.use_spec(world.source, world.spec, ADMISSION)
    for number in range(images):
        world.image(f"{number}.jpg", number + 1)
    return world


def settled(folder: str, given: list[Line], role: str) -> tuple[list[Settled], list[object]]:
    """What settling came to, and what the ledger says afterwards, whatever its rows' numbers."""
    with Ledger(Path(folder) / "ledger.db") as ledger:
        world = captioned_world(ledger, images=3)
        shard, batch = world.submitted()
        found = []
        if role == "stray":
            stray = ledger.batches.add(shard.row, 1, remote("batch_2"), "stray")
            ledger.reservations.record_unasked(shard.row, -stray, 1000, scope(1))
            second = ledger.batches.by_id("batch_2")
            assert second is not None
            found.append(ledger.answers.settle(shard, second, answers(world, given), RULES, NOW))
        found.append(ledger.answers.settle(shard, batch, answers(world, given), RULES, NOW))
        return found, dump(ledger)


def dump(ledger: Ledger) -> list[object]:
    columns = "a.attempt, a.batch, a.outcome, a.caption, a.code, a.prompt_tokens, a.billed"
    return [
        list(ledger.database.execute(sql))
        for sql in (
            f"SELECT w.work_key, {columns} FROM answers a JOIN works w ON w.id = a.work "
            "ORDER BY w.work_key, a.batch, a.attempt",
            "SELECT w.work_key, w.state, w.outcome, w.reason, w.attempts, w.after, a.caption "
            "FROM works w LEFT JOIN answers a ON a.id = w.answer ORDER BY w.work_key",
            "SELECT work, attempt, live FROM items ORDER BY work",
            "SELECT generation, state, settled FROM reservations ORDER BY generation",
            "SELECT * FROM calibration",
        )
    ]


@settings(max_examples=40)
@given(lines, st.sampled_from(["main", "stray"]), st.sampled_from([1, 2, 10_000]))
def test_many_lines_at_once_are_booked_as_each_alone(
    given: list[Line], role: str, chunk: int
) -> None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(settling, "_CHUNK", chunk)
        together = settled(folder, given, role)
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(planned, "_AWAITED", f"0 AND {planned._AWAITED}")
        alone = settled(folder, given, role)
    assert together == alone


def test_the_first_of_two_lines_for_a_work_is_settled_before_the_second(world: World) -> None:
    world.image("a.jpg", 1)
    shard, batch = world.submitted()
    key = world.works[0][1]
    given = [answered(key, 300, outcome="length", caption="a ca"), answered(key, 400, attempt=2)]
    assert world.ledger.answers.settle(shard, batch, given, RULES, NOW).outcomes.total() == 2
    assert world.ledger.rows.outcomes() == {"captioned": 1}
    shown = "SELECT a.caption FROM works w JOIN answers a ON a.id = w.answer"
    assert world.ledger.database.one(shown) == ("a cat",)


def works(world: World) -> list[tuple[object, ...]]:
    return list(world.ledger.database.execute("SELECT state, attempts FROM works ORDER BY id"))


def second_batch(world: World, shard: Shard) -> Batch:
    row = world.ledger.batches.add(shard.row, 1, remote("batch_2"), "stray")
    world.ledger.reservations.record_unasked(shard.row, -row, 1000, scope(1))
    batch = world.ledger.batches.by_id("batch_2")
    assert batch is not None
    return batch


def unpaid(key: bytes, outcome: str, *, attempt: int = 1, code: str = "") -> PricedAnswer:
    return answered(key, 0, attempt, outcome=outcome, code=code, caption=None, usage=None)


@pytest.mark.parametrize(("attempt", "state"), [(1, "pending"), (5, "done"), (9, "done")])
def test_a_line_that_was_never_planned_counts_the_attempts_it_names(
    world: World, attempt: int, state: str
) -> None:
    world.image("a.jpg", 1)
    shard, batch = world.submitted()
    given = [unpaid(b"k" * 32, "expired", attempt=attempt)]
    result = world.ledger.answers.settle(shard, batch, given, RULES, NOW)
    assert works(world)[1] == (state, attempt)
    assert result.again == (state == "pending")


def test_an_answer_to_another_attempt_does_not_free_the_planned_one(world: World) -> None:
    world.image("a.jpg", 1)
    key = world.works[0][1]
    shard, batch = world.submitted(attempt=2)
    given = [unpaid(key, "expired", attempt=1)]
    result = world.ledger.answers.settle(shard, batch, given, RULES, NOW)
    assert [item[2:4] for item in world.ledger.shards.items(shard.row)] == [(2, True)]
    assert works(world) == [("live", 2)]
    assert (result.again, result.charged) == (0, 0)
    assert world.ledger.answers.calibration() == []


def test_the_reservation_of_another_attempt_does_not_stand_for_an_unknown_bill(
    world: World,
) -> None:
    world.image("a.jpg", 1)
    shard, batch = world.submitted(attempt=2)
    given = [answered(world.works[0][1], None, 1)]
    assert world.ledger.answers.settle(shard, batch, given, RULES, NOW).charged is None


def test_a_work_that_is_done_is_not_sent_again_by_a_late_answer(world: World) -> None:
    world.image("a.jpg", 1)
    shard, batch = world.submitted()
    key = world.works[0][1]
    settle = world.ledger.answers.settle
    second = second_batch(world, shard)
    settle(shard, batch, [unpaid(key, "failed", code="content_policy")], RULES, NOW)
    assert works(world) == [("done", 1)]
    assert settle(shard, second, [unpaid(key, "expired")], RULES, NOW).again == 0
    assert works(world) == [("done", 1)]


def test_a_second_line_to_a_work_that_goes_again_is_judged_by_itself(world: World) -> None:
    world.image("a.jpg", 1)
    shard, batch = world.submitted()
    key = world.works[0][1]
    given = [unpaid(key, "expired"), unpaid(key, "failed", attempt=2, code="content_policy")]
    world.ledger.answers.settle(shard, batch, given, RULES, NOW)
    assert works(world) == [("done", 2)]


def test_a_late_answer_to_an_earlier_attempt_takes_no_attempt_back(world: World) -> None:
    world.image("a.jpg", 1)
    shard, batch = world.submitted(attempt=2)
    key = world.works[0][1]
    settle = world.ledger.answers.settle
    second = second_batch(world, shard)
    settle(shard, batch, [unpaid(key, "expired", attempt=2)], RULES, NOW)
    settle(shard, second, [unpaid(key, "expired", attempt=1)], RULES, NOW)
    assert works(world) == [("pending", 2)]


@pytest.mark.parametrize(
    ("first", "second", "shown"),
    [
        ("captioned", "failed", "captioned"),
        ("captioned", "missing", "captioned"),
        ("missing", "captioned", "captioned"),
        ("failed", "captioned", "captioned"),
        ("missing", "expired", "expired"),
        ("missing", "cancelled", "cancelled"),
        ("missing", "failed", "failed"),
        ("missing", "missing", "missing"),
        ("expired", "missing", "expired"),
        ("expired", "failed", "expired"),
    ],
)
def test_a_later_look_replaces_an_error_by_a_reply_and_never_a_reply(
    world: World, first: str, second: str, shown: str
) -> None:
    world.image("a.jpg", 1)
    shard, batch = world.submitted()
    key = world.works[0][1]
    settle = world.ledger.answers.settle

    def one(outcome: str) -> PricedAnswer:
        paid = outcome == "captioned"
        return answered(key, 400) if paid else unpaid(key, outcome, code="content_policy")

    settle(shard, batch, [one(first)], RULES, NOW, ends=lambda: "open")
    assert world.ledger.reservations.totals().charged == 0, "it is reserved while it is open"
    late = replace(batch, late_since=NOW)
    settle(shard, late, [one(second)], RULES, NOW)
    assert dict(world.ledger.database.execute("SELECT outcome, COUNT(*) FROM works")) == {shown: 1}
    outcomes = world.ledger.database.execute("SELECT outcome FROM answers").fetchall()
    assert outcomes == [(shown,)]
    totals = world.ledger.reservations.totals()
    assert (totals.charged, totals.reserved) == (400 if shown == "captioned" else 0, 0)


@pytest.mark.parametrize(
    ("outcome", "code", "state"),
    [("expired", "", "pending"), ("cancelled", "", "pending"), ("failed", "500", "pending"),
     ("failed", "content_policy", "done"), ("missing", "", "done")],
)  # fmt: skip
def test_a_missing_request_that_is_said_late_to_have_failed_is_judged_as_if_at_once(
    world: World, outcome: str, code: str, state: str
) -> None:
    world.image("a.jpg", 1)
    shard, batch = world.submitted()
    key = world.works[0][1]
    settle = world.ledger.answers.settle
    missing = answered(key, None, outcome="missing", caption=None, usage=None)
    settle(shard, batch, [missing], RULES, NOW, ends=lambda: "open")
    assert works(world) == [("done", 1)]
    late = replace(batch, late_since=NOW)
    settled = settle(shard, late, [unpaid(key, outcome, code=code)], RULES, NOW)
    assert works(world) == [(state, 1)]
    assert settled.again == (state == "pending")
    charged = world.ledger.reservations.totals().charged
    assert charged == (world.ledger.answers.count_missing(batch.row) and 1000)


@pytest.mark.parametrize("attempt", [1, 2])
def test_what_is_missing_twice_stays_so_when_one_of_them_never_ran(
    world: World, attempt: int
) -> None:
    world.image("a.jpg", 1)
    shard, batch = world.submitted()
    key = world.works[0][1]
    settle = world.ledger.answers.settle
    given = [unpaid(key, "missing"), unpaid(key, "missing", attempt=2)]
    settle(shard, batch, given, RULES, NOW, ends=lambda: "open")
    late = replace(batch, late_since=NOW)
    result = settle(shard, late, [unpaid(key, "expired", attempt=attempt)], RULES, NOW)
    assert result.again == 0
    assert works(world) == [("done", 2)]
    shown = "SELECT w.outcome, a.outcome, a.attempt FROM works w JOIN answers a ON a.id = w.answer"
    assert world.ledger.database.one(shown) == ("missing", "missing", 3 - attempt)


def test_a_missing_work_that_was_captioned_since_is_not_sent_again(world: World) -> None:
    world.image("a.jpg", 1)
    shard, batch = world.submitted()
    key = world.works[0][1]
    settle = world.ledger.answers.settle
    given = [unpaid(key, "missing"), answered(key, 400, attempt=2)]
    settle(shard, batch, given, RULES, NOW, ends=lambda: "open")
    late = replace(batch, late_since=NOW)
    settle(shard, late, [unpaid(key, "expired")], RULES, NOW)
    assert works(world) == [("done", 2)]
    assert world.ledger.rows.outcomes() == {"captioned": 1}


def test_a_planned_line_behind_an_odd_one_for_its_work_is_judged_beside_it(world: World) -> None:
    world.image("a.jpg", 1)
    shard, batch = world.submitted()
    key = world.works[0][1]
    given = [answered(key, 400, attempt=2), answered(key, 300, outcome="length", caption="a ca")]
    world.ledger.answers.settle(shard, batch, given, RULES, NOW)
    assert world.ledger.rows.outcomes() == {"captioned": 1}
    assert works(world)[0][0] == "done"


@pytest.mark.parametrize(
    ("billed", "charged", "over"), [(None, 1000, False), (400, 400, False), (1001, 1001, True)]
)
def test_a_line_of_a_second_batch_is_held_against_what_was_reserved_for_it(
    world: World, billed: int | None, charged: int, over: bool
) -> None:
    world.image("a.jpg", 1)
    shard, _ = world.submitted()
    stray = world.ledger.batches.add(shard.row, 1, remote("batch_2"), "stray")
    world.ledger.reservations.record_unasked(shard.row, -stray, 1000, scope(1))
    second = world.ledger.batches.by_id("batch_2")
    assert second is not None
    line = answered(world.works[0][1], billed)
    found = world.ledger.answers.settle(shard, second, [line], RULES, NOW)
    assert (found.charged, bool(found.over)) == (charged, over)


def ordinary_page(
    world: World, shard: Shard, batch: Batch, costs: list[int | None]
) -> OrdinaryPage:
    """Ordinary answers to as many of a shard's lines, of these costs."""
    lines = sorted(world.ledger.answers.planned(shard, batch).by_key())
    names = [custom_id(*line) for _, line in lines[: len(costs)]]
    count = len(names)
    tokens = [(120 + n, 0, 0, 20, 0) for n in range(count)]
    answers = OrdinaryAnswers(
        [*range(count)], names, [f"caption {n}" for n in range(count)], [{}] * count, tokens,
        ["m"] * count, ["r"] * count,
    )  # fmt: skip
    return OrdinaryPage([*range(count)], answers, [*zip(*tokens, strict=True)], costs)


@pytest.mark.parametrize("chunk", [1, 2, 50_000])
@pytest.mark.parametrize("apart", [False, True], ids=["in a row", "apart"])
@pytest.mark.parametrize("one_before", [False, True])
@pytest.mark.parametrize("short", [1, 16], ids=["by stretches", "by works"])
def test_a_page_of_ordinary_lines_is_booked_as_each_alone(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    chunk: int,
    short: int,
    *,
    apart: bool,
    one_before: bool,
) -> None:
    monkeypatch.setattr(settling, "_CHUNK", chunk)
    monkeypatch.setattr(settling, "_SHORT", short)
    books = []
    for alone in (False, True):
        folder = tmp_path / str(alone)
        folder.mkdir()
        with Ledger(folder / "ledger.db") as ledger:
            world = captioned_world(ledger, images=5)
            shard, batch = world.submitted()
            page = ordinary_page(world, shard, batch, [300, None, 1001, 400, 1000])
            if apart:
                page = page.where([True, True, False, True, True])
            first = list(page.priced())[:1] if one_before else []
            lines: list[Lines] = [*first, *(page.priced() if alone else [page])]
            if not apart:
                lines.append(answered(world.works[1][1], 7, attempt=2, caption="late"))
            booked = ledger.answers.settle(shard, batch, lines, RULES, NOW)
            times = ledger.database.execute("SELECT DISTINCT received_at, rules FROM answers")
            books.append((booked, dump(ledger), list(times)))
    assert books[0] == books[1]
    assert books[0][0].outcomes["captioned"] >= 4


def test_ordinary_lines_are_written_when_they_hold_much_text(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "_MOST_TEXT", 20)  # two captions of 9 letters, and a third
    for number in range(4):
        world.image(f"{number}.jpg", number + 1)
    shard, batch = world.submitted()
    page = ordinary_page(world, shard, batch, [1, 2, 3, 4])
    written = []

    def pages() -> Iterator[Lines]:
        for line in range(4):
            yield page.where([at == line for at in range(4)])
            written.append(world.ledger.answers.count())

    world.ledger.answers.settle(shard, batch, pages(), RULES, NOW)
    assert written == [0, 0, 3, 3]
    assert world.ledger.answers.count() == 4


@pytest.mark.parametrize(("billed", "charged"), [(400, 400), (None, None)])
def test_an_answer_to_another_attempt_leaves_the_request_awaited_and_its_reserve(
    world: World, billed: int | None, charged: int | None
) -> None:
    world.image("a.jpg", 1)
    shard, batch = world.submitted()
    line = answered(world.works[0][1], billed, attempt=2)
    booked = world.ledger.answers.settle(shard, batch, [line], RULES, NOW)
    assert booked.charged == charged
    assert works(world) == [("live", 2)]
    assert [item[3] for item in world.ledger.shards.items(shard.row)] == [True]
    assert world.ledger.answers.calibration() == []


@given(st.sets(st.integers(1, 30), min_size=1).map(sorted))
def test_stretches_hold_each_number_once(numbers: list[int]) -> None:
    stretches = [range(start, end + 1) for start, end in settling._stretches(numbers)]
    assert [*chain(*stretches)] == numbers
    assert all(one.stop < following.start for one, following in pairwise(stretches))
