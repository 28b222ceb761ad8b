"""Money is exact: every cost against rational arithmetic, every bound against every line."""

from __future__ import annotations

import decimal
from decimal import Decimal
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.pricing import (
    LOCAL_FREE,
    ImpossibleUsage,
    PriceSheet,
    Rates,
    format_usd,
    line_cost,
    line_max_cost,
    nano_usd,
    parse_usd,
    usd_or,
)
from pipeline.records import Usage


def sheet(*prices: str, long: tuple[tuple[int, Rates], ...] = ()) -> PriceSheet:
    return PriceSheet(Rates(*map(Decimal, prices)), "test", "batch", long)


LUNA = sheet("50", "5", "62.5", "250")
LONG = sheet(
    "50", "5", "62.5", "250", long=((272_000, Rates(*map(Decimal, ("100", "10", "125", "375")))),)
)

prices = st.decimals("0", "100000", allow_nan=False, allow_infinity=False, places=6)
all_rates = st.builds(Rates, prices, prices, prices, prices)
sheets = st.builds(
    lambda base, long: PriceSheet(base, "v", "batch", tuple(sorted(long.items()))),
    all_rates,
    st.dictionaries(st.integers(0, 2000), all_rates, max_size=3),
)


@st.composite
def usages(draw: st.DrawFn, most: int = 4000) -> Usage:
    prompt, completion = draw(st.integers(0, most)), draw(st.integers(0, most))
    cached = draw(st.integers(0, prompt))
    written = draw(st.integers(0, prompt - cached))
    return Usage(prompt, cached, written, completion, draw(st.integers(0, completion)))


@pytest.mark.parametrize(
    ("usage", "nano"),
    [
        (Usage(), 0),
        (Usage(prompt=1), 50),
        (Usage(prompt=1000, completion=100), 75_000),
        (Usage(prompt=1000, cached=400, completion=100), 57_000),
        (Usage(prompt=1000, cached=400, cache_write=1, completion=100), 57_013),  # 57_012.5
        (Usage(prompt=1000, cached=400, cache_write=2, completion=100), 57_025),
        (Usage(prompt=1000, completion=100, reasoning=100), 75_000),
    ],
)
def test_a_line_is_rounded_up_once(usage: Usage, nano: int) -> None:
    assert line_cost(usage, LUNA) == nano


@given(usages(), sheets)
def test_costs_are_exact(usage: Usage, prices: PriceSheet) -> None:
    rates = prices.rates
    for above, dearer in prices.long_context:
        if usage.prompt > above:
            rates = dearer
    exact = (
        (usage.prompt - usage.cached - usage.cache_write) * Fraction(rates.input)
        + usage.cached * Fraction(rates.cached_input)
        + usage.cache_write * Fraction(rates.cache_write)
        + usage.completion * Fraction(rates.output)
    )
    assert line_cost(usage, prices) == ceil(exact)


def test_costs_do_not_depend_on_the_decimal_context_of_others() -> None:
    usage = Usage(prompt=123_457, completion=98_765)
    with decimal.localcontext() as context:
        context.prec = 3
        context.rounding = decimal.ROUND_DOWN
        assert line_cost(usage, LUNA) == 123_457 * 50 + 98_765 * 250
        assert LUNA.to_text() == PriceSheet.from_text(LUNA.to_text()).to_text()
        assert format_usd(12_345_678_900) == "$12.35"


def test_a_long_line_is_priced_as_a_whole_by_its_own_rates() -> None:
    assert line_cost(Usage(prompt=272_000, completion=10), LONG) == 272_000 * 50 + 2500
    assert line_cost(Usage(prompt=272_001, completion=10), LONG) == 272_001 * 100 + 3750
    lines = [Usage(prompt=1000, completion=10)] * 300
    assert sum(line_cost(line, LONG) for line in lines) == 300 * 52_500


@given(usages(most=3000), st.integers(0, 500), st.integers(0, 500), sheets)
def test_no_line_costs_more_than_its_reservation(
    usage: Usage, spare_prompt: int, spare_completion: int, prices: PriceSheet
) -> None:
    max_cost = line_max_cost(
        usage.prompt + spare_prompt, usage.completion + spare_completion, prices
    )
    assert line_cost(usage, prices) <= max_cost


@given(st.integers(0, 3000), st.integers(0, 3000), all_rates)
def test_the_worst_case_is_no_larger_than_it_must_be(
    prompt: int, completion: int, rates: Rates
) -> None:
    prices = PriceSheet(rates, "v", "batch")
    lines = [
        Usage(prompt=prompt, completion=completion),
        Usage(prompt=prompt, cached=prompt, completion=completion),
        Usage(prompt=prompt, cache_write=prompt, completion=completion),
    ]
    assert line_max_cost(prompt, completion, prices) == max(
        line_cost(line, prices) for line in lines
    )


def test_the_worst_case_takes_the_dearest_price_of_a_prompt_token() -> None:
    assert line_max_cost(1000, 100, LUNA) == 62_500 + 25_000
    assert line_max_cost(1000, 100, sheet("50", "80", "60", "250")) == 80_000 + 25_000
    assert line_max_cost(272_000, 1, LONG) == 272_000 * 62.5 + 250
    assert line_max_cost(272_001, 1, LONG) == 272_001 * 125 + 375


@pytest.mark.parametrize(
    "usage",
    [
        Usage(prompt=-1),
        Usage(completion=-1),
        Usage(prompt=5, cached=-1),
        Usage(prompt=5, cache_write=-1),
        Usage(completion=5, reasoning=-1),
        Usage(prompt=5, cached=6),
        Usage(prompt=5, cached=3, cache_write=3),
        Usage(completion=5, reasoning=6),
        Usage(prompt=10**13),
    ],
)
def test_impossible_usage_is_refused(usage: Usage) -> None:
    with pytest.raises(ImpossibleUsage):
        line_cost(usage, LUNA)


def test_a_bound_below_zero_is_refused() -> None:
    with pytest.raises(ImpossibleUsage):
        line_max_cost(-1, 5, LUNA)
    with pytest.raises(ImpossibleUsage):
        line_max_cost(1, -5, LUNA)


@pytest.mark.parametrize("price", ["-1", "NaN", "Infinity"])
def test_impossible_prices_are_refused(price: str) -> None:
    for position in range(4):
        four = ["1", "1", "1", "1"]
        four[position] = price
        with pytest.raises(ValueError, match="a price is a number of zero or more"):
            Rates(*map(Decimal, four))


def test_thresholds_ascend() -> None:
    rates = LUNA.rates
    for thresholds in ((5, 3), (5, 5)):
        with pytest.raises(ValueError, match="ascend"):
            PriceSheet(rates, "v", "batch", tuple((above, rates) for above in thresholds))


def test_the_local_captioner_is_free() -> None:
    usage = Usage(prompt=10_000, cached=5, completion=700)
    assert line_cost(usage, LOCAL_FREE) == 0
    assert line_max_cost(10**6, 10**6, LOCAL_FREE) == 0


@given(sheets)
def test_a_sheet_survives_being_written_down(prices: PriceSheet) -> None:
    assert PriceSheet.from_text(prices.to_text()) == prices


def test_a_written_sheet_fits_into_batch_metadata() -> None:
    rates = Rates(*[Decimal("123456.78901")] * 4)
    long = PriceSheet(rates, "genai-prices 0.2.3 " + "m" * 60 + " standard", "standard",
                      ((272_000, rates), (500_000, rates)))  # fmt: skip
    assert len(long.to_text()) < 512


@pytest.mark.parametrize(
    "text",
    [
        "", "{}", "[]", "null", "1", LUNA.to_text()[:-5], LUNA.to_text().replace("batch", "free"),
        LUNA.to_text().replace('"50"', '"fifty"'), LUNA.to_text().replace('"50"', '"-50"'),
        LUNA.to_text().replace('"50",', ""),
    ],
)  # fmt: skip
def test_what_is_no_sheet_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a price sheet"):
        PriceSheet.from_text(text)


@pytest.mark.parametrize(
    ("nano", "text"),
    [
        (0, "$0.00"),
        (1, "$0.000000001"),
        (48_000, "$0.000048"),
        (48_123, "$0.000048"),
        (999_000, "$0.00100"),
        (123_456, "$0.00012"),
        (1_000_000, "$0.0010"),
        (12_345_678, "$0.0123"),
        (999_949_999, "$0.9999"),
        (999_950_000, "$1.00"),
        (999_999_999, "$1.00"),
        (1_000_000_000, "$1.00"),
        (12_344_999_999, "$12.34"),
        (12_345_000_000, "$12.35"),
        (1_234_567_890_000_000, "$1,234,567.89"),
        (-12_345_678, "-$0.0123"),
    ],
)
def test_money_is_shown_without_floats(nano: int, text: str) -> None:
    assert format_usd(nano) == text


@pytest.mark.parametrize(
    ("text", "nano"),
    [("0", 0), ("0.5", 500_000_000), ("12.000000001", 12_000_000_001), ("-1", None), ("1.", None),
     (".5", None), ("1e3", None), ("", None), ("1.0000000001", None), ("١", None)],
)  # fmt: skip
def test_amounts_in_plain_digits(text: str, nano: int | None) -> None:
    assert parse_usd(text) == nano


def test_dollars_are_nano_dollars_exactly_or_refused() -> None:
    assert nano_usd(Decimal("0.000000001")) == 1
    assert nano_usd(Decimal(10**9)) == 10**18
    for amount in ("0.0000000001", "1000000000.1"):
        with pytest.raises(ValueError, match="nine decimals"):
            nano_usd(Decimal(amount))


def test_an_amount_that_is_not_known_is_said_in_words() -> None:
    assert [usd_or(nano, "unknown") for nano in (None, 0)] == ["unknown", "$0.00"]
