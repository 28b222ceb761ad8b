"""Prices: the configuration first, then the `genai-prices` package, offline, then our supplement.

An unknown price is None, never a guess. Facts about the package (version 0.2): batch and flex
prices are "variants" of a model that hold from a date on, by the UTC day of the request; a model
without the variant would silently be priced as standard; a price left out of a variant is the
standard one; cached tokens of a model without a price for them are ordinary input tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING

from pipeline.core.catalogue import PriceTable
from pipeline.core.pricing import NANO_PER_TOKEN, PriceSheet, Rates, Tier
from pipeline.providers.price_supplement import supplemented
from pipeline.system.bare_package import bare_package

if TYPE_CHECKING:
    from genai_prices.data_snapshot import DataSnapshot
    from genai_prices.types import ModelInfo, ModelPrice, TieredPrices
    from genai_prices.types import Tier as LongContext

BackgroundDiscount = tuple[str, Decimal]
"""A completion window, and the share by which its answers cost less than the standard price."""

_CONTEXT: dict[Tier, dict[str, str]] = {
    "batch": {"processing": "batch"},
    "flex": {"service_tier": "flex"},
    "standard": {},
}


def sheet_for(
    model: str,
    tier: Tier,
    on: datetime,
    overrides: Mapping[str, PriceTable] | None = None,
    discounted: BackgroundDiscount | None = None,
) -> PriceSheet | None:
    """Prices of `model` for requests made at `on`.

    Args:
        model: as it is sent to the service.
        tier: how the requests are processed.
        on: time of the request; without a time zone it is UTC.
        overrides: tables `[prices."MODEL"]` of the configuration, billed as they stand whatever
            the tier.
        discounted: the discount of background responses, None for none.

    Returns:
        The sheet, None when the price is unknown.
    """
    if overrides and model in overrides:
        return _configured(model, tier, overrides[model])
    if tier == "background":
        standard = sheet_for(model, "standard", on)
        return standard and standard.discounted(*(discounted or ("", Decimal(0))))
    info = _find(model)
    return supplemented(model, tier) if info is None else _packaged(info, tier, on)


def standard_price(model: str, on: datetime) -> str:
    """Words for the standard price of a model at `on`: "$2 in, $10 out", "" when unknown."""
    sheet = sheet_for(model, "standard", on)
    if sheet is None:
        return ""
    into, out = (rate / NANO_PER_TOKEN for rate in (sheet.rates.input, sheet.rates.output))
    return f"${into.normalize():f} in, ${out.normalize():f} out"


def _configured(model: str, tier: Tier, table: PriceTable) -> PriceSheet:
    def rate(price: Decimal | None) -> Decimal:
        return (table.input if price is None else price) * NANO_PER_TOKEN

    rates = Rates(
        input=rate(table.input),
        cached_input=rate(table.cached_input),
        cache_write=rate(table.cache_write),
        output=rate(table.output),
    )
    return PriceSheet(rates, f"configuration {model:.200}", tier)


def _packaged(info: ModelInfo, tier: Tier, on: datetime) -> PriceSheet | None:
    if not _has_variant(info, tier, on):
        return None
    prices = info.get_prices(on, _CONTEXT[tier])
    if any(value is not None and "_image_" in f"_{key}" for key, value in vars(prices).items()):
        return None  # image tokens have a price of their own, and usage does not tell them apart
    if prices.input_mtok is None or prices.output_mtok is None:
        return None
    starts = sorted({long.start for value in _values(prices) for long in _tiers(value)})
    return PriceSheet(
        _rates(prices, 0),
        f"genai-prices {_version()} {info.id} {tier}",
        tier,
        tuple((start, _rates(prices, start + 1)) for start in starts),
    )


def _find(model: str) -> ModelInfo | None:
    # what it looks up for the first time, it imports
    with bare_package("genai_prices"), suppress(LookupError):
        return _snapshot().find_provider_model(model, None, "openai", None)[1]
    return None


@cache
def _snapshot() -> DataSnapshot:
    from genai_prices.data_snapshot import get_snapshot

    return get_snapshot()


def _version() -> str:
    from importlib.metadata import version  # loads a mail parser, and mostly nothing is priced

    return version("genai_prices")  # its own `__version__`


def _has_variant(model: ModelInfo, tier: Tier, on: datetime) -> bool:
    if tier == "standard":
        return True
    return any(
        variant.when == _CONTEXT[tier]
        and (variant.constraint is None or variant.constraint.active(on))
        for variant in model.price_variants or ()
    )


def _values(prices: ModelPrice) -> list[Decimal | TieredPrices | None]:
    return [prices.input_mtok, prices.cache_read_mtok, prices.cache_write_mtok, prices.output_mtok]


def _tiers(value: Decimal | TieredPrices | None) -> list[LongContext]:
    return [] if value is None or isinstance(value, Decimal) else value.tiers


def _rates(prices: ModelPrice, prompt_tokens: int) -> Rates:
    """Rates of a line with so many prompt tokens."""
    plain, cached, written, output = (_price_at(value, prompt_tokens) for value in _values(prices))
    assert plain is not None
    assert output is not None
    return Rates(
        plain, plain if cached is None else cached, plain if written is None else written, output
    )


def _price_at(value: Decimal | TieredPrices | None, prompt_tokens: int) -> Decimal | None:
    if value is None:
        return None
    price = value if isinstance(value, Decimal) else value.base
    for long in _tiers(value):
        if prompt_tokens > long.start:
            price = long.price
    return price * NANO_PER_TOKEN
