from __future__ import annotations

from decimal import Decimal

import pytest

from pipeline.core.pricing import PriceSheet, Rates
from pipeline.records import Answer, Usage
from pipeline.stages.line_bills import LineBills
from pipeline.stages.read_report import ReadReport

SHEET = PriceSheet(Rates(*map(Decimal, ("2", "1", "2", "8"))), "v", "batch").to_text()


def answered(usage: Usage | None, *, ran: bool = True) -> Answer:
    return Answer("c", "captioned", "a cat", usage=usage, ran=ran)


def test_an_ordinary_line_costs_what_any_line_costs() -> None:
    bills = LineBills(SHEET, ReadReport())
    usage = Usage(900, cached=100, completion=40)
    tokens = (900, 100, 0, 40, 0)
    assert bills.cost_of(tokens) == bills.billed(answered(usage)) == 800 * 2 + 100 + 40 * 8


@pytest.mark.parametrize(("prices", "usage", "ran", "cost"), [
    ("", Usage(9), True, None), (SHEET, None, True, None), (SHEET, None, False, 0),
])  # fmt: skip
def test_a_cost_that_nobody_can_know_is_none(
    prices: str, usage: Usage | None, ran: bool, cost: int | None
) -> None:
    assert LineBills(prices, ReadReport()).billed(answered(usage, ran=ran)) == cost


def test_a_usage_that_cannot_be_is_noted() -> None:
    report = ReadReport()
    assert LineBills(SHEET, report).billed(answered(Usage(1, cached=2))) is None
    assert report.incidents[0][0] == "impossible_usage"
