from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.usage import read_usage
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
