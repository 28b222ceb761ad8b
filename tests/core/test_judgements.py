"""Judgements of people, folded into the state of a row."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.core.judgements import (
    Judgement,
    ReviewState,
    prompt_values,
    review_state,
    undone_steps,
    values_text,
)

BYTES = b"s" * 32
KEY = b"k" * 32


def judged(action: Any, **values: Any) -> Judgement:
    base: dict[str, Any] = {"model_caption": "a cat", "work_key": KEY, "attempts": 1}
    return Judgement(BYTES, values.pop("values", {}), action, **(base | values))


def state(*judgements: Judgement, caption: str | None = "a cat", attempts: int = 1) -> ReviewState:
    return review_state(judgements, {}, model_caption=caption, work_key=KEY, attempts=attempts)


def test_nothing_judged_is_the_services_caption() -> None:
    assert state() == ReviewState(caption="a cat")


def test_what_a_person_wrote_stays_whatever_the_service_says_later() -> None:
    edited = judged("edit", caption="my cat")
    assert state(edited).caption == "my cat"
    later = state(edited, caption="a dog", attempts=4)
    assert (later.review, later.caption, later.keeps) == ("edited", "my cat", True)
    assert state(edited, caption=None).caption == "my cat"


def test_an_accepted_text_stays_in_force() -> None:
    accepted = state(judged("accept", caption="a cat"), caption="another one")
    assert (accepted.review, accepted.caption, accepted.keeps) == ("accepted", "a cat", True)


def test_a_rejection_is_about_one_text() -> None:
    rejected = judged("reject")
    assert (state(rejected).review, state(rejected).caption) == ("rejected", None)
    assert not state(rejected).keeps
    fresh = state(rejected, caption="a better cat", attempts=2)
    assert (fresh.review, fresh.caption, fresh.by) == (None, "a better cat", None)


def test_another_go_ends_an_acceptance_and_is_over_when_it_came() -> None:
    accepted, again = judged("accept", caption="a cat"), judged("again", note="too short")
    asked = state(accepted, again)
    assert (asked.review, asked.caption, asked.keeps) == (None, "a cat", False)
    assert asked.again == again
    assert state(accepted, again, caption="new", attempts=2).again is None


def test_another_go_leaves_an_edit_in_force() -> None:
    edited, again = judged("edit", caption="my cat"), judged("again")
    assert (state(edited, again).caption, state(edited, again).keeps) == ("my cat", False)
    assert state(edited, again, caption="new", attempts=2).caption == "my cat"
    # who decides after that wants no other one any more
    assert state(edited, again, judged("edit", caption="it")).again is None
    # a rejection and another go belong together
    assert state(again, judged("reject")).again == again


def test_clear_takes_all_back() -> None:
    assert state(judged("edit", caption="x"), judged("again"), judged("clear")) == state()


@pytest.mark.parametrize(
    ("columns", "caption"),
    [({"title": "A"}, "mine"), ({"title": "A", "year": "1"}, "mine"), ({"title": "B"}, "a cat")],
)
def test_rows_with_other_values_of_the_prompt_keep_their_own(
    columns: dict[str, str], caption: str
) -> None:
    edited = judged("edit", caption="mine", values={"title": "A"})
    found = review_state([edited], columns, model_caption="a cat", work_key=KEY, attempts=1)
    assert found.caption == caption


def test_values_are_those_that_the_prompt_names() -> None:
    columns = {"title": "A", "year": "1"}
    assert prompt_values("Describe {title} {{year}}", columns) == {"title": "A"}
    assert prompt_values("Describe it.", columns) == {}
    assert prompt_values("a stray { brace", columns) == {}
    assert values_text({"b": "2", "a": "é"}) == '{"a": "é", "b": "2"}'


@pytest.mark.parametrize(
    ("steps", "gone"),
    [
        ([], set()),
        ([(2, 1)], {1}),
        ([(2, 1), (3, 2)], {2}),  # the undoing was undone: step 1 holds again
        ([(2, 1), (3, 2), (4, 3)], {3, 1}),
    ],
)
def test_an_undone_undoing_undoes_nothing(steps: list[tuple[int, int]], gone: set[int]) -> None:
    assert undone_steps(steps) == gone
