"""Where prices come from: the configuration first, then the `genai-prices` package, offline.

An unknown price is None, never a guess. Facts about the package (version 0.2): batch and flex
prices are "variants" of a model that hold from a date on, by the UTC day of the request; a model
without the variant would silently be priced as standard; a price left out of a variant is the
standard one; cached tokens of a model without a price for them are ordinary input tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from pipeline.core.pricing import NANO_PER_TOKEN, PriceSheet, Rates, Tier
from pipeline.errors import UsageError

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, TieredPrices
    from genai_prices.types import Tier as LongContext

_CONTEXT: dict[Tier, dict[str, str]] = {
    "batch": {"processing": "batch"},
    "flex": {"service_tier": "flex"},
    "standard": {},
}
_KEYS = ("input", "cached_input", "cache_write", "output")


def sheet_for(
    model: str,
    tier: Tier,
    on: datetime,
    overrides: Mapping[str, Mapping[str, object]] | None = None,
) -> PriceSheet | None:
    """The prices of `model` for requests made at `on`.

    Args:
        model: as it is sent to the service.
        tier: how the requests are processed.
        on: time of the request; without a time zone it is UTC.
        overrides: tables `[prices."MODEL"]` of the configuration, in US dollars for a million
            tokens, billed as they stand whatever the tier.

    Returns:
        The sheet, None when the price is unknown.

    Raises:
        UsageError: an override is wrong; the message names its key.
    """
    if overrides and model in overrides:
        return _configured(model, tier, overrides[model])
    return _packaged(model, tier, on)


def _configured(model: str, tier: Tier, table: Mapping[str, object]) -> PriceSheet:
    where = f'prices."{model}"'
    unknown = sorted(set(table) - set(_KEYS))
    if unknown:
        raise UsageError(f"{where}.{unknown[0]} is not known; the keys are {', '.join(_KEYS)}")
    given = {
        key: _nano_per_token(f"{where}.{key}", value)
        for key, value in table.items()
        if value is not None
    }
    for key in ("input", "output"):
        if key not in given:
            raise UsageError(f"{where}.{key} is missing: give US dollars for a million tokens")
    plain = given["input"]
    rates = Rates(
        input=plain,
        cached_input=given.get("cached_input", plain),
        cache_write=given.get("cache_write", plain),
        output=given["output"],
    )
    return PriceSheet(rates, f"configuration {model:.200}", tier)


def _nano_per_token(where: str, value: object) -> Decimal:
    """US dollars for a million tokens, exactly as written, as nano-dollars a token."""
    try:
        if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
            raise InvalidOperation
        price = Decimal(str(value))
    except InvalidOperation:
        raise UsageError(f"{where} is {value!r}: write a number, such as 0.25") from None
    if not price.is_finite() or not 0 <= price <= 1_000_000 or len(price.as_tuple().digits) > 18:
        raise UsageError(f"{where} is {value!r}: a price is between 0 and 1000000 US dollars")
    return price * NANO_PER_TOKEN


def _packaged(model: str, tier: Tier, on: datetime) -> PriceSheet | None:
    found = _find(model)
    if found is None or not _has_variant(found, tier, on):
        return None
    prices = found.get_prices(on, _CONTEXT[tier])
    if any(value is not None and "_image_" in f"_{key}" for key, value in vars(prices).items()):
        return None  # image tokens have a price of their own, and usage does not tell them apart
    if prices.input_mtok is None or prices.output_mtok is None:
        return None
    starts = sorted({long.start for value in _values(prices) for long in _tiers(value)})
    return PriceSheet(
        _rates(prices, 0),
        f"genai-prices {_version()} {found.id} {tier}",
        tier,
        tuple((start, _rates(prices, start + 1)) for start in starts),
    )


def _find(model: str) -> ModelInfo | None:
    from genai_prices.data_snapshot import get_snapshot

    try:
        return get_snapshot().find_provider_model(model, None, "openai", None)[1]
    except LookupError:
        return None


def _version() -> str:
    import genai_prices

    return genai_prices.__version__


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
    """The rates of a line with so many prompt tokens."""
    given = [_price_at(value, prompt_tokens) for value in _values(prices)]
    plain, cached, written, output = given
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
