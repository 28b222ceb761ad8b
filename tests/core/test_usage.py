from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.usage import read_usage, service_cost
from pipeline.records import Usage


def chat(**changes: Any) -> dict[str, Any]:
    return {
        "prompt_tokens": 300,
        "completion_tokens": 40,
        "total_tokens": 340,
        "prompt_tokens_details": {"cached_tokens": 20, "cache_write_tokens": 10},
        "completion_tokens_details": {"reasoning_tokens": 5},
        **changes,
    }


def test_both_endpoints_say_the_same() -> None:
    wanted = Usage(prompt=300, cached=20, cache_write=10, completion=40, reasoning=5)
    assert read_usage(chat()) == (wanted, "")
    response = {
        "input_tokens": 300,
        "output_tokens": 40,
        "input_tokens_details": {"cached_tokens": 20, "cache_write_tokens": 10},
        "output_tokens_details": {"reasoning_tokens": 5},
    }
    assert read_usage(response) == (wanted, "")


def test_details_may_be_absent() -> None:
    plain = Usage(prompt=300, completion=40)
    for details in (None, {}, "none", [], {"cached_tokens": None}):
        found = read_usage(chat(prompt_tokens_details=details, completion_tokens_details=details))
        assert found == (plain, "")
    assert read_usage({"prompt_tokens": 3.0, "completion_tokens": 0})[0] == Usage(prompt=3)


@pytest.mark.parametrize("nothing", [None, {}, [], "usage", 5])
def test_no_usage_is_no_oddity(nothing: object) -> None:
    assert read_usage(nothing) == (None, "")


@pytest.mark.parametrize(
    "changes",
    [
        {"prompt_tokens": -1},
        {"prompt_tokens": None},
        {"prompt_tokens": True},
        {"prompt_tokens": "300"},
        {"prompt_tokens": 1.5},
        {"prompt_tokens": float("nan")},
        {"prompt_tokens": 1e30},
        {"completion_tokens": -40},
        {"prompt_tokens_details": {"cached_tokens": 301}},
        {"prompt_tokens_details": {"cached_tokens": 200, "cache_write_tokens": 200}},
        {"prompt_tokens_details": {"cached_tokens": -1}},
        {"completion_tokens_details": {"reasoning_tokens": 41}},
        {"completion_tokens_details": {"reasoning_tokens": -1}},
    ],
)
def test_impossible_usage_is_not_believed(changes: dict[str, Any]) -> None:
    usage, why = read_usage(chat(**changes))
    assert usage is None
    assert "impossible" in why


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda below: st.lists(below, max_size=2)
    | st.dictionaries(st.text(max_size=3), below, max_size=2),
    max_leaves=4,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from([*chat(), "input_tokens", "output_tokens"]), _json))
def test_whatever_it_is_it_is_possible_or_none(found: dict[str, Any]) -> None:
    usage, _ = read_usage(found)
    if usage is not None:
        assert 0 <= usage.cached + usage.cache_write <= usage.prompt
        assert 0 <= usage.reasoning <= usage.completion


@pytest.mark.parametrize(
    ("usage", "completion", "reasoning"),
    [
        ({"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 410}, 310, 300),  # Gemini
        ({"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 410,
          "completion_tokens_details": {"reasoning_tokens": 300}}, 310, 300),  # xAI
        ({"prompt_tokens": 100, "completion_tokens": 400, "total_tokens": 500,
          "completion_tokens_details": {"reasoning_tokens": 300}}, 400, 300),  # OpenAI
        ({"prompt_tokens": 100, "completion_tokens": 60, "total_tokens": 460,
          "completion_tokens_details": {"reasoning_tokens": 50}}, 360, 350),
        ({"prompt_tokens": 100, "completion_tokens": 10,
          "completion_tokens_details": {"reasoning_tokens": 300}}, 310, 300),
        ({"input_tokens": 100, "output_tokens": 10, "total_tokens": 410}, 310, 300),
        ({"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": None}, 10, 0),
        ({"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 0}, 10, 0),
        ({"prompt_tokens": 100, "completion_tokens": 10, "input_tokens": 0, "output_tokens": 0},
         10, 0),  # New API
    ],
)  # fmt: skip
def test_what_is_only_in_the_total_was_reasoning(
    usage: dict[str, Any], completion: int, reasoning: int
) -> None:
    assert read_usage(usage) == (Usage(100, completion=completion, reasoning=reasoning), "")


def test_a_total_below_its_parts_is_said_and_the_parts_count() -> None:
    usage, oddity = read_usage(chat(total_tokens=50))
    assert usage == Usage(prompt=300, cached=20, cache_write=10, completion=40, reasoning=5)
    assert "does not add up" in oddity


@pytest.mark.parametrize(
    "changes",
    [
        {"total_tokens": -1}, {"total_tokens": "x"}, {"total_tokens": 10**12},
        {"prompt_tokens": 10**8}, {"completion_tokens": 10**8},
        {"completion_tokens_details": {"reasoning_tokens": 400}, "total_tokens": 340},
        {"completion_tokens_details": {"reasoning_tokens": 400}, "total_tokens": 350},
    ],
)  # fmt: skip
def test_absurd_totals_are_not_believed(changes: dict[str, Any]) -> None:
    usage, why = read_usage(chat(**changes))
    assert usage is None
    assert "impossible" in why


def test_cached_tokens_of_other_services() -> None:
    for name in ("prompt_cache_hit_tokens", "cached_tokens"):
        usage = {"prompt_tokens": 300, "completion_tokens": 4, name: 200}
        assert read_usage(usage) == (Usage(300, cached=200, completion=4), "")
        assert read_usage(usage, 1) == (Usage(300, completion=4), "")


def test_the_first_rules_do_not_read_the_total() -> None:
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 410}
    assert read_usage(usage, 1) == (Usage(100, completion=10), "")


@pytest.mark.parametrize(
    ("cost", "nano"),
    [(0.00014, 140_000), (1, 10**9), (0, 0), (1e-12, 1), (-1, None), (float("nan"), None),
     (float("inf"), None), (True, None), ("0.1", None), (None, None), (1e9, None)],
)  # fmt: skip
def test_the_services_own_cost(cost: object, nano: int | None) -> None:
    assert service_cost({"cost": cost}) == nano
    assert service_cost(None) is None
