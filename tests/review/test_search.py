"""Filters of an address as SQL."""

from __future__ import annotations

import re
from importlib import resources

import pytest

from pipeline.core.audit import BITS
from pipeline.errors import UsageError
from pipeline.review import search
from pipeline.review.search import Search


def where(**filters: str) -> tuple[str, list[object]]:
    return Search.of(filters.items()).where()


def test_a_search_is_read_from_its_address() -> None:
    pairs = [("review", "accepted"), ("folder", "a b"), ("folder", "c"), ("sort", "cost")]
    search = Search.of([*pairs, ("view", "single"), ("at", "7")])
    assert search.filters == (("folder", ("a b", "c")), ("review", ("accepted",)))
    assert (search.order, Search.of([]).order) == ("cost", "path")


def test_values_of_one_filter_are_any_of_them_and_filters_all_hold() -> None:
    clause, values = Search.of([("folder", "a"), ("folder", "b"), ("model", "m")]).where()
    assert clause == "present = 1 AND folder IN (?, ?) AND model IN (?)"
    assert values == ["a", "b", "m"]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("two cats", ['"two"* AND "cats"*']),
        ('"two cats"', ['"two cats"']),
        ("cat -dog", ['"cat"*', '"dog"*']),
        ("it's", ['"it s"*']),
        ('" OR caption:x*', ['"OR"* AND "caption x"*']),
        ("(((", []),
    ],
)
def test_words_are_never_taken_for_the_languge_of_the_index(
    text: str, values: list[object]
) -> None:
    assert where(q=text)[1] == values


def test_undecided_is_what_can_be_judged() -> None:
    assert "undecided = 1" in where(review="undecided")[0]
    clause, values = Search.of([("review", "undecided"), ("review", "edited")]).where()
    assert " OR review IN (?)" in clause
    assert values == ["edited"]


def test_findings_are_bits() -> None:
    assert where(finding="any")[0].endswith("findings <> 0")
    clause, values = Search.of([("finding", "refusal"), ("finding", "loop")]).where()
    assert clause.endswith("findings <> 0 AND findings & ? <> 0")
    assert values == [BITS["refusal"] | BITS["loop"]]


def test_money_and_days() -> None:
    assert where(min_cost="0.5")[1] == [500_000_000]
    assert where(since="2026-11-27", until="2026-11-27")[1] == [1_795_737_600, 1_795_824_000]
    assert where(present="gone")[0].startswith("present = 0")
    assert where(present="all")[0].startswith("1")


@pytest.mark.parametrize(
    "filters",
    [
        {"sort": "x"},
        {"spec": "1 OR 1"},
        {"finding": "lop"},
        {"min_cost": "-1"},
        {"since": "today"},
        {"id": ""} | {"id": "x"},
    ],
)
def test_what_cannot_be_read_is_refused(filters: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        Search.of(filters.items())


def test_the_page_knows_every_filter() -> None:
    script = resources.files("pipeline.review").joinpath("static/state.js").read_text("utf-8")
    line = re.search(r"const FILTERS = \[(.*)\]", script)
    assert line is not None
    in_address = set(re.findall(r'"(\w+)"', line[1])) - {"sort"}
    assert in_address == search._KNOWN - {"id", "captioned"}  # these two are for commands
