from __future__ import annotations

from decimal import Decimal

from pipeline.commands.pilot_findings import Variant
from pipeline.core.pricing import PriceSheet, Rates
from pipeline.ledger.samples import SampleAnswer
from pipeline.records import Usage


def sheet(price: int) -> PriceSheet:
    return PriceSheet(Rates(*[Decimal(price)] * 4), "test", "batch")


def variant(*results: SampleAnswer, batch: PriceSheet | None = None) -> Variant:
    return Variant("m", "m", "", "standard", batch, sheet(2), list(results))


def answered(tokens: int) -> SampleAnswer:
    return SampleAnswer("captioned", "a", usage=Usage(prompt=tokens, completion=10))


def test_costs_are_measured_by_what_was_answered() -> None:
    made = variant(answered(90), answered(110), SampleAnswer("failed"), batch=sheet(1))
    assert made.outcomes == {"captioned": 2, "failed": 1}
    assert made.tokens() == (100, 10)
    assert made.per_thousand(made.batch) == 110_000
    assert made.per_thousand(made.online) == 220_000
    made.estimate(50)
    assert made.total_batch is not None
    assert made.total_online is not None
    assert (made.total_batch.expected, made.total_online.expected) == (5500, 11_000)


def test_without_answers_or_a_price_nothing_is_said() -> None:
    made = variant(SampleAnswer("pending"))
    made.estimate(50)
    assert made.tokens() == (0, 0)
    assert (made.per_thousand(made.online), made.total_online) == (None, None)
    assert variant(answered(5)).per_thousand(None) is None
