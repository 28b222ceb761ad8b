from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import genai_prices
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.pricing import line_cost
from pipeline.providers.price_supplement import supplemented
from pipeline.records import Usage
from pipeline.server.prices import ModelPrices, TokenCounts, TokenPrices, packaged_prices
from pipeline.server.settings import CLASSIFIER_MODEL, LOCAL_MODEL

_DAY = datetime(2026, 11, 20, tzinfo=UTC)
_NEW = ("gpt-6.2-astra", "gpt-6.2-sol")
"""Models that genai_prices does not know yet."""

_PRICED = sorted(set(packaged_prices()) - {LOCAL_MODEL, CLASSIFIER_MODEL, *_NEW})


def _published(model: str, mode: str, **tokens: int) -> Decimal:
    """Nano-dollars by genai_prices, which the server does not use."""
    options = {"price_context": {"processing": "batch"}} if mode == "batch" else {}
    price = genai_prices.calc_price(
        genai_prices.Usage(**tokens),
        model,
        provider_id="openai",
        genai_request_timestamp=_DAY,
        **options,
    )
    return price.total_price * 1_000_000_000


@pytest.mark.parametrize("mode", ["batch", "online"])
@pytest.mark.parametrize("model", _NEW)
def test_the_table_agrees_with_the_supplement(model: str, mode: str) -> None:
    price = packaged_prices()[model].of(mode)  # type: ignore[arg-type]
    sheet = supplemented(model, "batch" if mode == "batch" else "standard")
    assert sheet is not None
    usage = Usage(prompt=2000, cached=1000, cache_write=500, completion=300)
    assert price.nano(TokenCounts(2000, 300, 1000, 500)) == line_cost(usage, sheet)


@pytest.mark.parametrize("mode", ["batch", "online"])
@pytest.mark.parametrize("model", _PRICED)
def test_the_table_agrees_with_genai_prices(model: str, mode: str) -> None:
    price = packaged_prices()[model].of(mode)  # type: ignore[arg-type]
    usage = TokenCounts(prompt=2000, cached=1000, cache_write=500, completion=300)
    expected = _published(
        model,
        mode,
        input_tokens=2000,
        cache_read_tokens=1000,
        cache_write_tokens=500,
        output_tokens=300,
    )
    assert price.nano(usage) == expected


def test_the_local_model_is_free() -> None:
    price = packaged_prices()[LOCAL_MODEL]
    assert (
        price.batch.nano(TokenCounts(10**6, 10**6))
        == price.online.nano(TokenCounts(10**6, 10**6))
        == 0
    )


def test_rounds_up_once_for_the_whole_line() -> None:
    price = TokenPrices(*[Decimal("0.0005")] * 3, Decimal("0.0005"))
    assert price.nano(TokenCounts(prompt=1, completion=1)) == 1  # half and half, not one and one
    assert price.nano(TokenCounts(prompt=1, completion=2)) == 2
    assert price.nano(TokenCounts(prompt=0, completion=0)) == 0


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_never_below_the_exact_price_and_less_than_a_nano_above(
    plain: int, cached: int, out: int
) -> None:
    price = TokenPrices(Decimal("0.3333"), Decimal("0.0777"), Decimal("0.4"), Decimal("1.2345"))
    exact = (plain * price.input + cached * price.cached + out * price.output) * 1000
    nano = price.nano(TokenCounts(prompt=plain + cached, cached=cached, completion=out))
    assert 0 <= nano - exact < 1


def test_a_simple_price_has_no_discounts() -> None:
    price = ModelPrices.simple("1.5", "6")
    assert price.batch == price.online
    assert price.batch.nano(TokenCounts(prompt=10, cached=10, completion=1)) == 15_000 + 6_000
