from __future__ import annotations

import random
import statistics
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.sampling import FEW, positions, shape_of, spread, total_of


@given(st.integers(0, 5000), st.integers(1, 300))
def test_positions_are_distinct_ascending_and_even(total: int, wanted: int) -> None:
    found = positions(total, wanted)
    assert len(found) == min(total, wanted)
    assert found == sorted(set(found))
    assert all(0 <= position < total for position in found)
    if len(found) > 1:
        gaps = {b - a for a, b in pairwise(found)}
        assert max(gaps) - min(gaps) <= 1


def test_every_stratum_has_its_share() -> None:
    folders = ["a"] * 600 + ["b"] * 300 + ["c"] * 100
    taken = [folders[p] for p in positions(1000, 50)]
    assert (taken.count("a"), taken.count("b"), taken.count("c")) == (30, 15, 5)


def test_a_spread_is_the_same_whatever_the_order() -> None:
    items = list(range(100))
    shuffled = random.Random(1).sample(items, 100)
    assert spread(items, 7, lambda n: n) == spread(shuffled, 7, lambda n: n)
    assert spread(items, 200, lambda n: -n) == items[::-1]


@pytest.mark.parametrize(
    ("size", "shape"),
    [
        ((100, 100), "square"), ((110, 100), "square"), ((120, 100), "wide"), ((100, 150), "tall"),
        ((250, 100), "strip"), ((1, 5000), "strip"),
    ],
)  # fmt: skip
def test_shapes(size: tuple[int, int], shape: str) -> None:
    assert shape_of(*size) == shape


@given(st.lists(st.integers(0, 10**9), min_size=2, max_size=80), st.integers(0, 10**7))
def test_a_total_is_inside_of_its_interval(costs: list[int], population: int) -> None:
    found = total_of(costs, population)
    assert found is not None
    assert sum(costs) <= found.low <= max(found.expected, sum(costs)) <= found.high
    if population <= len(costs):
        assert found.low == found.expected == found.high == sum(costs)


def test_one_cost_says_nothing() -> None:
    assert total_of([5], 100) is None
    assert total_of([], 100) is None


def test_the_interval_is_the_one_of_the_textbook() -> None:
    costs = [100, 120, 80, 110, 90, 105, 95, 130, 70, 100]
    found = total_of(costs, 1000)
    assert found is not None
    error = 1000 * statistics.stdev(costs) / 10**0.5 * (1 - 10 / 1000) ** 0.5
    assert found.expected == 100_000
    assert found.high - found.expected == pytest.approx(1.96 * error, rel=0.001)


def test_the_interval_holds_the_truth_nineteen_times_of_twenty() -> None:
    chance = random.Random(7)
    whole = [chance.lognormvariate(10, 0.3) for _ in range(2000)]
    costs = [round(cost) for cost in whole]
    hits = 0
    for _ in range(400):
        found = total_of(chance.sample(costs, FEW), len(costs))
        assert found is not None
        hits += found.low <= sum(costs) <= found.high
    assert 0.91 <= hits / 400 <= 0.985
