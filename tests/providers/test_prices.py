"""Unit prices read from the package's objects give the package's own results, to the digit."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_CEILING, Decimal
from itertools import product

import genai_prices
import pytest
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelInfo

from pipeline.core.catalogue import PriceTable
from pipeline.core.pricing import Tier, line_cost, line_max_cost
from pipeline.providers.prices import sheet_for, standard_price
from pipeline.records import Usage

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CONTEXT: dict[Tier, dict[str, str]] = {
    "batch": {"processing": "batch"},
    "flex": {"service_tier": "flex"},
    "standard": {},
}
USAGES = [
    Usage(prompt=1, completion=1),
    Usage(prompt=431, cached=0, completion=57, reasoning=12),
    Usage(prompt=1201, cached=1024, completion=333),
    Usage(prompt=1201, cached=100, cache_write=901, completion=1),
    Usage(prompt=272_000, cached=1000, completion=128),
    Usage(prompt=272_001, cached=1000, cache_write=7, completion=128),
    Usage(prompt=900_001, completion=100_003),
]


def openai_models() -> list[ModelInfo]:
    return get_snapshot().find_provider(None, "openai", None).models


def price_table(**values: object) -> PriceTable:
    return PriceTable.model_validate(values)


def reference(model: ModelInfo) -> str:
    """A name that the package takes for `model`; fine-tunes do not match their own id."""
    return model.id if model.is_match(model.id) else f"{model.id}-2024-07-18:us::1"


def has_variant(model: ModelInfo, tier: Tier) -> bool:
    return tier == "standard" or any(v.when == CONTEXT[tier] for v in model.price_variants or ())


def packaged_nano(model: str, usage: Usage, tier: Tier, on: datetime = NOW) -> int:
    price = genai_prices.calc_price(
        genai_prices.Usage(
            input_tokens=usage.prompt,
            cache_read_tokens=usage.cached,
            cache_write_tokens=usage.cache_write,
            output_tokens=usage.completion,
        ),
        model,
        provider_id="openai",
        genai_request_timestamp=on,
        price_context=CONTEXT[tier],
    )
    nano = price.total_price * 10**9
    return int(nano.to_integral_value(ROUND_CEILING))


def test_every_openai_model_costs_what_the_package_says() -> None:
    checked = {"batch": 0, "flex": 0, "standard": 0}
    for model, tier in product(openai_models(), ("batch", "flex", "standard")):
        sheet = sheet_for(reference(model), tier, NOW)  # type: ignore[arg-type]
        if sheet is None:
            continue
        checked[tier] += 1
        for usage in USAGES:
            expected = packaged_nano(reference(model), usage, tier)  # type: ignore[arg-type]
            assert line_cost(usage, sheet) == expected, (model.id, tier, usage)
    assert checked["batch"] >= 40
    assert checked["flex"] >= 10
    assert checked["standard"] >= 70


def test_every_batch_price_is_used_unless_images_have_their_own() -> None:
    for model in openai_models():
        image = any("image" in key for key in vars(model.get_prices(NOW)))
        sheet = sheet_for(reference(model), "batch", NOW)
        assert (sheet is not None) == (has_variant(model, "batch") and not image), model.id


@pytest.mark.parametrize(
    ("model", "dollars_in", "dollars_out"),
    [
        ("gpt-6-luna", "0.05", "0.25"),
        ("gpt-5.6-luna", "0.10", "0.60"),
        ("gpt-5.4-mini", "0.375", "2.25"),
        ("gpt-4.1-mini", "0.20", "0.80"),
        ("gpt-6-sol", "1", "5"),
        ("gpt-4o-mini", "0.075", "0.30"),
        ("gpt-4o-2024-08-06", "1.25", "5"),
    ],
)
def test_batch_is_half_of_the_published_prices(
    model: str, dollars_in: str, dollars_out: str
) -> None:
    sheet = sheet_for(model, "batch", NOW)
    assert sheet is not None
    assert sheet.rates.input == Decimal(dollars_in) * 1000
    assert sheet.rates.output == Decimal(dollars_out) * 1000
    assert line_cost(Usage(prompt=10**6), sheet_for(model, "batch", NOW, {}) or sheet) > 0


def test_luna_in_full() -> None:
    sheet = sheet_for("gpt-6-luna", "batch", NOW)
    assert sheet is not None
    rates = sheet.rates
    assert (rates.input, rates.cached_input, rates.cache_write, rates.output) == (
        50, 5, Decimal("62.5"), 250,
    )  # fmt: skip
    assert [above for above, _ in sheet.long_context] == [272_000]
    assert sheet.rates_for(272_001).output == 375
    assert sheet.version == f"genai-prices {genai_prices.__version__} gpt-6-luna batch"
    assert sheet.tier == "batch"
    assert line_max_cost(1000, 100, sheet) == 62_500 + 25_000


def test_models_without_cache_prices_bill_cached_tokens_as_input() -> None:
    sheet = sheet_for("gpt-5.4-pro", "batch", NOW)
    assert sheet is not None
    assert sheet.rates.cached_input == sheet.rates.cache_write == sheet.rates.input == 15_000


def test_batch_prices_hold_from_their_day_on() -> None:
    day = datetime(2026, 10, 14, tzinfo=UTC)
    assert sheet_for("gpt-6-luna", "batch", day - timedelta(seconds=1)) is None
    assert sheet_for("gpt-6-luna", "batch", day) is not None
    assert sheet_for("gpt-6-luna", "standard", day - timedelta(days=1)) is not None
    east = timezone(timedelta(hours=9))
    assert sheet_for("gpt-6-luna", "batch", datetime(2026, 10, 14, 8, tzinfo=east)) is None
    assert sheet_for("gpt-6-luna", "batch", datetime(2026, 10, 14)) is not None  # noqa: DTZ001


def test_a_price_that_changed_is_taken_by_its_day() -> None:
    before, after = datetime(2026, 7, 29, tzinfo=UTC), datetime(2026, 7, 30, tzinfo=UTC)
    old, new = (sheet_for("gpt-5.6-luna", "standard", day) for day in (before, after))
    assert old is not None
    assert new is not None
    assert (old.rates.input, new.rates.input) == (1000, 200)


@pytest.mark.parametrize("model", ["no-such-model", "claude-sonnet-4-5", "", "gpt-6-rosalind"])
def test_an_unknown_batch_price_is_null_and_never_a_guess(model: str) -> None:
    assert sheet_for(model, "batch", NOW) is None


def test_standard_is_not_taken_for_a_missing_variant() -> None:
    assert sheet_for("gpt-6-rosalind", "standard", NOW) is not None
    assert sheet_for("gpt-6-rosalind", "flex", NOW) is None
    assert sheet_for("gpt-image-1", "batch", NOW) is None


def test_where_only_the_standard_price_is_known_it_is_named() -> None:
    assert standard_price("gpt-5.3-codex", NOW) == "$1.75 in, $14 out"
    assert standard_price("no-such-model", NOW) == ""


def test_the_configuration_goes_first() -> None:
    tables = {
        "my-model": price_table(
            input="0.30", output=1, cached_input="0.1", cache_write=Decimal("1.10")
        ),
        "gpt-6-luna": price_table(input=2, output="4", cached_input=None),
    }
    mine = sheet_for("my-model", "batch", NOW, tables)
    luna = sheet_for("gpt-6-luna", "flex", NOW, tables)
    assert mine is not None
    assert luna is not None
    assert [*map(str, (mine.rates.input, mine.rates.cached_input))] == ["300.00", "100.0"]
    assert (mine.rates.cache_write, mine.rates.output) == (Decimal("1100"), 1000)
    assert mine.version == "configuration my-model"
    assert (luna.rates.input, luna.rates.cached_input, luna.rates.cache_write) == (2000,) * 3
    assert luna.tier == "flex"
    assert luna.long_context == ()
    assert sheet_for("gpt-6-sol", "batch", NOW, tables) == sheet_for("gpt-6-sol", "batch", NOW)


def test_a_long_model_name_leaves_room_in_the_metadata() -> None:
    name = "m" * 900
    sheet = sheet_for(name, "batch", NOW, {name: price_table(input=1, output=1)})
    assert sheet is not None
    assert len(sheet.to_text()) < 512


def test_the_package_is_loaded_only_when_a_price_is_asked_for() -> None:
    """Also: no network, the data ships with the package."""
    code = (
        "import sys, socket, pipeline.providers.prices as p\n"
        "from datetime import datetime, UTC\n"
        "assert 'genai_prices' not in sys.modules\n"
        "def refuse(*a, **k): raise AssertionError('network')\n"
        "socket.socket.connect = refuse\n"
        "assert p.sheet_for('gpt-6-luna', 'batch', datetime(2026, 11, 22, tzinfo=UTC))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
