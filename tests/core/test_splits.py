from __future__ import annotations

import hashlib
from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.splits import Cutter, Split, parse_splits, split_of
from pipeline.errors import UsageError


def _digest(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest()


def parts(numbers: list[int], average: int) -> list[list[int]]:
    cutter: Cutter[int] = Cutter(average)
    cut = [part for number in numbers if (part := cutter.add(number, _digest(number)))]
    rest = cutter.rest()
    return [*cut, rest] if rest else cut


def test_reads_splits() -> None:
    assert parse_splits("train=90, test=10") == (
        Split("train", Decimal(90)),
        Split("test", Decimal(10)),
    )
    assert parse_splits("a=0.5") == (Split("a", Decimal("0.5")),)


@pytest.mark.parametrize(
    "text", ["", "train", "train=0", "train=-1", "=1", "a/b=1", "train=x", "a=NaN", "a=Infinity"]
)
def test_what_is_no_split(text: str) -> None:
    with pytest.raises(UsageError, match="NAME=SHARE"):
        parse_splits(text)


def test_a_split_stands_once() -> None:
    with pytest.raises(UsageError, match="twice"):
        parse_splits("a=1,a=2")


def test_shares_are_kept() -> None:
    splits = parse_splits("train=80,validation=15,test=5")
    counts = Counter(split_of(_digest(number), splits) for number in range(20_000))
    assert counts["train"] == pytest.approx(16_000, rel=0.02)
    assert counts["validation"] == pytest.approx(3_000, rel=0.06)
    assert counts["test"] == pytest.approx(1_000, rel=0.1)


def test_a_group_keeps_its_split() -> None:
    before, after = parse_splits("train=80,rest=20"), parse_splits("train=80,validation=10,test=10")
    for number in range(500):
        was, now = (split_of(_digest(number), splits) for splits in (before, after))
        assert (was == "train") == (now == "train")


@given(st.lists(st.integers(0, 10_000), unique=True, max_size=300), st.integers(1, 40))
def test_parts_hold_everything_in_order(numbers: list[int], average: int) -> None:
    cut = parts(numbers, average)
    assert [number for part in cut for number in part] == numbers
    assert all(len(part) <= average * 4 for part in cut)
    assert all(len(part) * 4 >= average for part in cut[:-1])


def test_one_more_changes_one_part_or_two() -> None:
    numbers = list(range(5_000))
    before = {tuple(part) for part in parts(numbers, 100)}
    for at in (0, 1234, 2500, 5000):
        more = [*numbers[:at], 9_999_999, *numbers[at:]]
        after = {tuple(part) for part in parts(more, 100)}
        assert len(after - before) <= 2
    assert len(before) == pytest.approx(50, rel=0.4)
