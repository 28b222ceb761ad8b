from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.units import (
    bytes_text,
    parse_bytes,
    parse_colour,
    parse_money,
    parse_seconds,
    seconds_text,
)
from pipeline.core.catalogue import parse_decimal
from pipeline.core.pricing import usd_text


@given(st.integers(0, 10**18))
def test_money_is_exact_and_comes_back(nano: int) -> None:
    assert parse_money(usd_text(nano)) == nano
    assert len(usd_text(nano).partition(".")[2]) >= 2


@given(st.integers(0, 10**12))
def test_times_and_sizes_come_back(value: int) -> None:
    assert parse_seconds(seconds_text(value)) == value
    assert parse_bytes(bytes_text(value)) == value


@pytest.mark.parametrize(
    ("text", "nano"),
    [
        ("5.00", 5_000_000_000),
        ("$1", 1_000_000_000),
        (3, 3_000_000_000),
        (Decimal("0.1"), 100_000_000),
        ("0.000000001", 1),
        (0, 0),
    ],
)
def test_money(text: object, nano: int) -> None:
    assert parse_money(text) == nano


@pytest.mark.parametrize(
    "text", ["", "five", "-1", "0.0000000001", "1e30", "nan", "inf", 0.1, True, None, [], "1,5"]
)
def test_what_is_no_money(text: object) -> None:
    with pytest.raises(ValueError, match=r"write a number|zero or more|nine decimals"):
        parse_money(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("10m", 600), ("24h", 86_400), ("30d", 2_592_000), (5, 5),
     ("1.5h", 5400), ("0", 0)],
)  # fmt: skip
def test_times(text: object, seconds: int) -> None:
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "5 weeks", "-1s", "1.5s", True, None, Decimal("0.5")])
def test_what_is_no_time(text: object) -> None:
    with pytest.raises(ValueError, match="write a time"):
        parse_seconds(text)


@pytest.mark.parametrize(
    ("text", "count"),
    [("200MB", 200_000_000), ("1.5 GB", 1_500_000_000), ("64MiB", 67_108_864), (7, 7)],
)
def test_sizes(text: object, count: int) -> None:
    assert parse_bytes(text) == count


@pytest.mark.parametrize("text", ["200 Mb", "MB", "0.5B", False, {}])
def test_what_is_no_size(text: object) -> None:
    with pytest.raises(ValueError, match="write a size"):
        parse_bytes(text)


def test_colours() -> None:
    assert parse_colour("#FFcc00") == "#ffcc00"
    for bad in ("white", "#fff", "#gggggg", 0):
        with pytest.raises(ValueError, match="write a colour"):
            parse_colour(bad)


def test_prices_are_exact_decimals() -> None:
    assert parse_decimal("0.0625") == Decimal("0.0625")
    with pytest.raises(ValueError, match="write a number"):
        parse_decimal(0.05)
