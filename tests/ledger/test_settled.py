from __future__ import annotations

import pytest

from pipeline.core.identity import custom_id
from pipeline.core.ordinary_answers import OrdinaryAnswers
from pipeline.ledger.settled import OrdinaryPage, Settled
from tests.ledger.world import answered


@pytest.mark.parametrize(
    ("billed", "max_cost", "sums", "over"),
    [
        (400, 1000, (400, 400), False),
        (400, 400, (400, 400), False),
        (1001, 1000, (1001, 1001), True),
        (None, 1000, (None, 1000), False),
        (None, None, (None, None), False),
        (400, None, (400, 400), False),
        (0, 1000, (0, 0), False),
    ],
)
def test_a_line_is_counted_as_billed_or_as_reserved(
    billed: int | None, max_cost: int | None, sums: tuple[int | None, int | None], over: bool
) -> None:
    settled = Settled()
    settled.add(answered(b"k" * 32, billed, custom_id="cm-1"), max_cost)
    assert (settled.billed, settled.charged) == sums
    assert settled.over == (["cm-1"] if over else [])
    assert (settled.prompt_tokens, settled.completion_tokens) == (120, 20)
    assert settled.outcomes == {"captioned": 1}


def test_one_line_of_unknown_cost_makes_the_sum_unknown() -> None:
    settled = Settled()
    for billed, max_cost in ((400, 1000), (None, 1000), (None, None), (300, 1000)):
        settled.add(answered(b"k" * 32, billed), max_cost)
    assert (settled.billed, settled.charged) == (None, None)


def test_a_page_is_counted_as_each_of_its_lines() -> None:
    costs, reserved = [400, None, 1001, 1000, 3, None], [1000, 1000, 1000, 1000, None, None]
    names = [custom_id(bytes([n]) * 32, 1) for n in range(6)]
    tokens = [(100 + n, 0, 0, 20, 0) for n in range(6)]
    answers = OrdinaryAnswers([*range(6)], names, ["c"] * 6, [{}] * 6, tokens, ["m"] * 6, ["r"] * 6)
    page = OrdinaryPage([*range(6)], answers, [*zip(*tokens, strict=True)], costs)
    for count in (1, 2, 4, 5, 6):
        some = page.where([at < count for at in range(6)])
        together, alone = Settled(), Settled()
        together.add_ordinary(some, reserved[:count])
        for priced, most in zip(some.priced(), reserved, strict=False):
            alone.add(priced, most)
        assert together == alone
    assert together.over == [names[2]]
    assert (together.outcomes, together.billed, together.charged) == ({"captioned": 6}, None, None)


@pytest.mark.parametrize(
    ("max_cost", "over"), [(None, []), (1100, []), (1099, ["batch_1"]), (0, ["batch_1"])]
)
def test_what_is_billed_beyond_the_lines_is_held_against_the_whole_reservation(
    max_cost: int | None, over: list[str]
) -> None:
    settled = Settled()
    settled.add(answered(b"k" * 32, 1000), 1000)
    settled.add_beyond("batch_1", max_cost, 100, "the service says more")
    assert (settled.billed, settled.charged, settled.over) == (1100, 1100, over)
    assert settled.differences == ["batch batch_1: the service says more"]


def test_nothing_beyond_the_lines_is_said_only_where_it_differs() -> None:
    settled = Settled()
    settled.add(answered(b"k" * 32, None), None)
    for words in ("", "fewer tokens"):
        settled.add_beyond("batch_1", 0, 0, words)
    settled.add_beyond("batch_1", 0, 5, "")
    assert (settled.billed, settled.charged, settled.over) == (None, None, [])
    assert settled.differences == ["batch batch_1: fewer tokens"]


def test_failures_are_counted_by_code_with_the_first_words() -> None:
    settled = Settled()
    for code, words in (("a", "one"), ("a", "two"), ("b", "three")):
        settled.add(answered(b"k" * 32, 0, outcome="failed", code=code, reason=words), None)
    settled.add(answered(b"k" * 32, 0, outcome="expired", code="c"), None)
    assert settled.failures == {"a": 2, "b": 1}
    assert settled.failure_words == {"a": "one", "b": "three"}
