"""Server's own price table and what one answer costs, in whole nano-dollars."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from importlib import resources
from typing import Literal

Mode = Literal["batch", "online"]

_BELOW_STANDARD = {"2h": Decimal("0.30"), "8h": Decimal("0.40")}
"""Discount of background responses by their window, as OpenAI's guide to them has it."""

_NANO_PER_TOKEN = Decimal(1_000)
"""One US dollar per million tokens is a thousand nano-dollars per token."""


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """Tokens of one answer. `prompt` includes `cached` and `cache_write`; `completion` includes
    `reasoning`."""

    prompt: int
    completion: int
    cached: int = 0
    cache_write: int = 0
    reasoning: int = 0


@dataclass(frozen=True, slots=True)
class TokenPrices:
    """US dollars per million tokens."""

    input: Decimal
    cached: Decimal
    cache_write: Decimal
    output: Decimal

    def nano(self, usage: TokenCounts, window: str = "") -> int:
        """Exact price of one answer, rounded up once to a whole nano-dollar; `window` is that of a
        background response."""
        share = 1 - _BELOW_STANDARD.get(window, Decimal(0))
        plain = usage.prompt - usage.cached - usage.cache_write
        exact = (
            (
                plain * self.input
                + usage.cached * self.cached
                + usage.cache_write * self.cache_write
                + usage.completion * self.output
            )
            * _NANO_PER_TOKEN
            * share
        )
        return int(exact.to_integral_value(rounding=ROUND_CEILING))


@dataclass(frozen=True, slots=True)
class ModelPrices:
    """Model's two prices."""

    batch: TokenPrices
    online: TokenPrices

    def of(self, mode: Mode) -> TokenPrices:
        """Price in `mode`."""
        return self.batch if mode == "batch" else self.online

    @classmethod
    def simple(cls, input_price: str, output_price: str) -> ModelPrices:
        """One price for batch and online, without a discount for cached tokens."""
        price = Decimal(input_price)
        one = TokenPrices(price, price, price, Decimal(output_price))
        return cls(one, one)


PriceTable = Mapping[str, ModelPrices]


def packaged_prices() -> dict[str, ModelPrices]:
    """Table that ships with the server, by model."""
    text = resources.files("pipeline.server").joinpath("prices.toml").read_text("utf-8")
    models = tomllib.loads(text)["models"]
    return {
        name: ModelPrices(_price(entry["batch"]), _price(entry["online"]))
        for name, entry in models.items()
    }


def _price(entry: Mapping[str, str]) -> TokenPrices:
    return TokenPrices(**{key: Decimal(value) for key, value in entry.items()})
