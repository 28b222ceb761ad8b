from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.retry import DEFAULT_RULES, RetryRule
from pipeline.ledger import Ledger, settling
from pipeline.ledger.settling import PricedAnswer, Settled
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


def settled(folder: str, given: list[Line], role: str) -> tuple[list[Settled], list[object]]:
    """What settling came to, and what the ledger says afterwards, whatever its rows' numbers."""
    with Ledger(Path(folder) / "ledger.db") as ledger:
        ledger.begin_run("run", NOW)
        world = World(ledger)
        world.source = ledger.images.source("folder", "/imgs", "imgs")
        world.folder, _ = ledger.images.folder(world.source, "")
        world.spec = ledger.specs.spec(SPEC, SpecText("openai", "", "m", "/v1/x"), NOW)
        world.recipe = ledger.specs.recipe({}, {})
        ledger.images.use_spec(world.source, world.spec, ADMISSION)
        for number in range(3):
            world.image(f"{number}.jpg", number + 1)
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
        patch.setattr(settling, "_PLANNED", settling._PLANNED + " AND 0")
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
