"""Charts as numbers: bars with their words, ready to be drawn and read aloud."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import pairwise

from msgspec import Struct

_MOST_DAYS = 62


class Bar(Struct, frozen=True):
    """Bar of a chart.

    Attributes:
        label: what it is about; `note` adds a few words, "" for none.
        text: its value for people.
        share: of the longest bar, 0 to 1.
        percent: of the sum of all, 0 to 100.
    """

    label: str
    text: str
    share: float
    percent: float
    note: str = ""


def bars(values: Iterable[tuple[str, int, str]], notes: Sequence[str] = ()) -> list[Bar]:
    """Bars of (label, value, text of the value); negative values have no length."""
    rows = list(values)
    longest = max((value for _, value, _ in rows), default=0)
    total = sum(max(0, value) for _, value, _ in rows)
    words = [*notes, *[""] * (len(rows) - len(notes))]
    return [
        Bar(label, text, max(0, value) / longest if longest else 0.0,
            100 * max(0, value) / total if total else 0.0, note)
        for (label, value, text), note in zip(rows, words, strict=True)
    ]  # fmt: skip


def buckets(edges: Sequence[int]) -> list[str]:
    """Labels of the ranges between some edges: below the first, between, from the last on."""
    between = [f"{low:,} to {high - 1:,}" for low, high in pairwise(edges)]
    return [f"under {edges[0]:,}", *between, f"{edges[-1]:,} and more"]


def every_day(days: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """Values of (day, value) with the days between that have none; by month when there are many.

    Args:
        days: in order, each "2026-11-27"; what is no day is left out.
    """
    values: dict[str, int] = {}
    for day, value in days:
        if day:
            values[day] = values.get(day, 0) + value
    if not values:
        return []
    first, last = date.fromisoformat(min(values)), date.fromisoformat(max(values))
    if (last - first).days >= _MOST_DAYS:
        return _every_month(values, first, last)
    span = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [(day.isoformat(), values.get(day.isoformat(), 0)) for day in span]


def _every_month(values: dict[str, int], first: date, last: date) -> list[tuple[str, int]]:
    sums: dict[str, int] = {}
    for month in range(first.year * 12 + first.month - 1, last.year * 12 + last.month):
        sums[f"{month // 12:04}-{month % 12 + 1:02}"] = 0
    for day, value in values.items():
        sums[day[:7]] += value
    return list(sums.items())
