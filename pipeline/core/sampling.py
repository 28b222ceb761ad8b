"""Sampling for a pilot, and what its cost says about all images. Deterministic.

The sample is systematic: images in the order of folder and size, every N/n-th of them. Each folder
and each size then has its share, without anybody having to name the strata. A second pass does
the same by shape and pixels, which are only known once an image was read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isqrt
from statistics import NormalDist
from typing import Any, TypeVar

from msgspec import Struct

from pipeline.records import Nano

T = TypeVar("T")

_SCALE = 10**6  # of factors in integer arithmetic
_NORMAL = round(NormalDist().inv_cdf(0.975) * _SCALE)

FEW = 30
"""Images from which on the normal interval is near enough; below it is too narrow, and said."""


def positions(total: int, wanted: int) -> list[int]:
    """`wanted` positions of `total`, evenly spread; all of them when there are no more."""
    if wanted >= total:
        return list(range(total))
    return [(2 * number + 1) * total // (2 * wanted) for number in range(wanted)]


def spread(items: Sequence[T], wanted: int, key: Callable[[T], Any]) -> list[T]:
    """`wanted` items that are evenly spread over the order of `key`, in that order."""
    ordered = sorted(items, key=key)
    return [ordered[position] for position in positions(len(ordered), wanted)]


def shape_of(width: int, height: int) -> str:
    """Word for the shape: "strip" from 2.5:1 on, "wide" and "tall" from 1.15:1, else "square"."""
    long, short = max(width, height), max(1, min(width, height))
    if 2 * long >= 5 * short:
        return "strip"
    if 20 * long >= 23 * short:
        return "wide" if width > height else "tall"
    return "square"


class Interval(Struct, frozen=True):
    """Total with its 95 % interval, nano-dollars."""

    expected: Nano
    low: Nano
    high: Nano


def total_of(costs: Sequence[Nano], population: int) -> Interval | None:
    """Cost of `population` images when a sample of them cost `costs`; None for fewer than two.

    Mean times population, plus or minus 1.96 standard errors with the finite population
    correction: the normal interval of a simple random sample, which is on the careful side for a
    systematic one of `FEW` or more. Integer arithmetic; never below what the sample has cost.
    """
    count = len(costs)
    if count < 2:
        return None
    population = max(population, count)
    total = sum(costs)
    # the variance of the estimated total: N^2 (1 - n/N) s^2 / n
    squares = count * sum(cost * cost for cost in costs) - total * total
    variance = population * (population - count) * squares // (count * count * (count - 1))
    half = -(-isqrt(max(0, variance)) * _NORMAL // _SCALE)
    expected = -(-population * total // count)
    return Interval(expected, max(total, expected - half), expected + half)
