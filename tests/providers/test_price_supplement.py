"""Prices that the package does not know yet."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from pipeline.core.pricing import Tier
from pipeline.providers.price_supplement import supplemented
from pipeline.providers.prices import sheet_for

NOW = datetime(2026, 11, 27, tzinfo=UTC)


@pytest.mark.parametrize("model", ["gpt-6.2-astra", "gpt-6.2-astra-2026-11-20"])
def test_a_batch_is_half_and_the_version_says_where_it_is_from(model: str) -> None:
    sheet = sheet_for(model, "batch", NOW)
    assert sheet is not None
    assert (sheet.rates.input, sheet.rates.cached_input, sheet.rates.output) == (4000, 200, 20_000)
    assert sheet.version == "supplement 2026-11-27 gpt-6.2-astra batch"


def test_what_is_not_published_is_read_as_for_its_family() -> None:
    sheet = sheet_for("gpt-6.2-sol", "standard", NOW)
    assert sheet is not None
    assert (sheet.rates.input, sheet.rates.cache_write) == (2000, Decimal("2500"))
    long = sheet.rates_for(272_001)
    assert (long.input, long.cached_input, long.output) == (4000, 200, 15_000)


@pytest.mark.parametrize(
    ("model", "tier"), [("gpt-6.2-sol", "flex"), ("gpt-6.2-solo", "batch"), ("gpt-6.2", "batch")]
)
def test_nothing_is_guessed(model: str, tier: Tier) -> None:
    assert sheet_for(model, tier, NOW) is None


def test_the_package_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    known = sheet_for("gpt-6-luna", "batch", NOW)
    assert known is not None
    assert known.version.startswith("genai-prices")
    assert supplemented("gpt-6-luna", "batch") is None
    monkeypatch.setattr("pipeline.providers.prices._find", lambda _model: object())
    monkeypatch.setattr("pipeline.providers.prices._has_variant", lambda *_: False)
    assert sheet_for("gpt-6.2-sol", "batch", NOW) is None, "the package would know it"
