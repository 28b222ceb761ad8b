"""Prices of models that the package does not know yet: `prices.toml`, with the day it was made."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources
from typing import Any

from pipeline.core.catalogue import PriceTable
from pipeline.core.pricing import NANO_PER_TOKEN, PriceSheet, Rates, Tier

_SNAPSHOT = re.compile(r"-20\d\d-[01]\d-[0-3]\d$")
_SHARES: dict[Tier, int] = {"standard": 2, "batch": 1}
"""Price of a tier, in halves of the standard one; what other tiers cost is not published."""

_LONG_CONTEXT = 272_000


def supplemented(model: str, tier: Tier) -> PriceSheet | None:
    """Prices of `model` or of a dated snapshot of it, None when they are not known here."""
    supplement = _supplement()
    name = _SNAPSHOT.sub("", model)
    if name not in supplement["models"] or tier not in _SHARES:
        return None
    table = PriceTable.model_validate(supplement["models"][name])
    return PriceSheet(
        _rates(table, _SHARES[tier], 2, 2),
        f"supplement {supplement['date']} {name} {tier}",
        tier,
        ((_LONG_CONTEXT, _rates(table, _SHARES[tier], 4, 3)),),
    )


def _rates(table: PriceTable, share: int, inwards: int, outwards: int) -> Rates:
    """Rates in nano-dollars a token; the three shares are in halves."""
    assert table.cached_input is not None
    assert table.cache_write is not None
    into, out = NANO_PER_TOKEN * share * inwards // 4, NANO_PER_TOKEN * share * outwards // 4
    return Rates(
        input=table.input * into,
        cached_input=table.cached_input * into,
        cache_write=table.cache_write * into,
        output=table.output * out,
    )


@cache
def _supplement() -> dict[str, Any]:
    text = resources.files("pipeline.providers").joinpath("prices.toml").read_text("utf-8")
    return tomllib.loads(text)
