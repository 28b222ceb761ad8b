"""The catalogue against the fact sheet, its matching and its overrides."""

from __future__ import annotations

import tomllib
from datetime import date
from decimal import Decimal
from fractions import Fraction
from importlib import resources

import pytest

from pipeline.core.catalogue import ModelTable
from pipeline.core.image_tokens import PatchLimit, PatchRule, TileRule
from pipeline.core.model_facts import ModelFacts
from pipeline.errors import UsageError
from pipeline.providers.models import model_facts


def tables(raw: dict[str, dict[str, object]]) -> dict[str, ModelTable]:
    return {pattern: ModelTable.model_validate(table) for pattern, table in raw.items()}


BOTH = ("/v1/chat/completions", "/v1/responses")
TILES = {
    "gpt-4o": (85, 170), "gpt-4.1": (85, 170), "gpt-5": (70, 140), "gpt-5.1": (70, 140),
    "o1": (75, 150), "o3": (75, 150), "gpt-4o-mini": (2833, 5667),
}  # fmt: skip


def test_the_default_model_in_full() -> None:
    assert model_facts("gpt-6-luna") == ModelFacts(
        model="gpt-6-luna",
        family="gpt-6-luna",
        image_rule=PatchRule(
            Fraction(6, 5),
            PatchLimit(512),
            PatchLimit(65_535, 2500),
            PatchLimit(65_535),
            "original",
        ),
        detail="high",
        reasoning_effort="none",
        temperature=True,
        prompt_cache_options=True,
        max_tokens_parameter="max_completion_tokens",
        enqueued_tokens=2_000_000,
        endpoints=BOTH,
        shutdown=None,
        reasoning_efforts=("none", "low", "medium", "high", "xhigh", "max"),
        min_completion_tokens=1,
    )


def test_an_unknown_model_gets_careful_settings() -> None:
    assert model_facts("qwen3-vl-plus") == ModelFacts(
        model="qwen3-vl-plus",
        family="*",
        image_rule=None,
        detail="high",
        reasoning_effort=None,
        temperature=True,
        prompt_cache_options=False,
        max_tokens_parameter="max_tokens",
        enqueued_tokens=900_000,
        endpoints=BOTH,
        shutdown=None,
    )


@pytest.mark.parametrize(("model", "price"), TILES.items())
def test_tile_models(model: str, price: tuple[int, int]) -> None:
    assert model_facts(model).image_rule == TileRule(*price)


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("gpt-4o-20240806", "gpt-4o"),
        ("gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("ft:gpt-4o-mini-2024-07-18:acme:captions:9x", "gpt-4o-mini"),
        ("GPT-4.1-Mini", "gpt-4.1-mini"),
        ("gpt-4.1-mini-2025-04-14", "gpt-4.1-mini"),
        ("gpt-5.4-mini-2026-03-17", "gpt-5.4-mini"),
        ("gpt-5.4-2026-03-05", "gpt-5.4*"),
        ("gpt-6-luna-2026-09-22", "gpt-6-luna"),
        ("gpt-6.2-astra", "gpt-6*"),
        ("gpt-4o-audio-preview", "gpt-4*"),
        ("gpt-5-chat-latest", "gpt-5-chat-latest"),
        ("gpt-7", "gpt-*"),
        ("gpt-5.2-pro-2025-12-11", "gpt-*-pro"),
        ("o1-pro", "o1-pro"),
        ("o3-mini", "o[0-9]*"),
        ("ollama-llava", "*"),
        ("captionmill-local-efficientnet-lite0", "captionmill-local-*"),
    ],
)
def test_the_most_specific_pattern_names_the_family(model: str, family: str) -> None:
    assert model_facts(model).family == family


def test_only_what_is_known_to_count_alike_shares_a_rule() -> None:
    for model in ("gpt-4o-audio-preview", "gpt-7", "o3-mini", "gpt-5-pro"):
        assert model_facts(model).image_rule is None, model


@pytest.mark.parametrize(
    ("model", "effort", "cache"),
    [
        ("gpt-6-sol", "none", True),
        ("gpt-6-astra", "low", True),
        ("gpt-6.1-terra", "low", True),
        ("gpt-5.6-luna", "none", True),
        ("gpt-5.5", "none", False),
        ("gpt-5.4-nano", "none", False),
        ("gpt-5.2", "none", False),
        ("gpt-5.1", "none", False),
        ("gpt-5-nano", "minimal", False),
        ("gpt-4.1", None, False),
        ("o4-mini", "low", False),
        ("gpt-5-pro", "high", False),
    ],
)
def test_parameters_by_family(model: str, effort: str | None, cache: bool) -> None:
    facts = model_facts(model)
    assert facts.reasoning_effort == effort
    assert facts.prompt_cache_options is cache
    assert facts.max_tokens_parameter == "max_completion_tokens"


def test_models_without_chat_completions_say_so() -> None:
    assert model_facts("gpt-5.4-pro").endpoints == ("/v1/responses",)
    assert model_facts("o1-pro").endpoints == ("/v1/responses",)
    assert model_facts("gpt-5.4").endpoints == BOTH


@pytest.mark.parametrize(
    ("day", "models"),
    [
        (date(2026, 12, 11), ("gpt-5", "gpt-5-mini", "gpt-5-nano", "o3")),
        (date(2027, 1, 14), ("gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini")),
        (date(2027, 4, 1), ("gpt-5.1", "gpt-5.4-nano")),
        (None, ("gpt-6-luna", "gpt-5.6-luna", "gpt-5.4-mini", "gpt-5.2", "unheard-of")),
    ],
)
def test_announced_shutdowns(day: date | None, models: tuple[str, ...]) -> None:
    assert {model_facts(model).shutdown for model in models} == {day}


def test_no_model_is_ever_sent_auto_and_every_pattern_is_whole() -> None:
    text = resources.files("pipeline.providers").joinpath("models.toml").read_text("utf-8")
    catalog = tomllib.loads(text)
    assert isinstance(catalog["dated"], date)
    for pattern in catalog["models"]:
        facts = model_facts(pattern.replace("[0-9]", "3").replace("*", "x"))
        assert facts.detail == "high"
        assert facts.enqueued_tokens >= 90_000


def test_overrides_go_key_by_key() -> None:
    overrides = tables(
        {
            "gpt-6*": {"enqueued_tokens": 7, "detail": "low", "shutdown": date(2027, 5, 1)},
            "gpt-6-luna": {"enqueued_tokens": 100_000_000, "reasoning_effort": None},
            "gpt-5*": {"enqueued_tokens": 5},
        }
    )
    facts = model_facts("gpt-6-luna", overrides)
    assert facts.enqueued_tokens == 100_000_000
    assert facts.detail == "low"
    assert facts.reasoning_effort == "none"
    assert facts.shutdown == date(2027, 5, 1)
    assert facts.family == "gpt-6-luna"
    assert facts.image_rule == model_facts("gpt-6-luna").image_rule


@pytest.mark.parametrize("multiplier", ["1.62", Decimal("1.62"), "81/50"])
def test_a_rule_is_corrected_key_by_key(multiplier: object) -> None:
    image = {"multiplier": multiplier, "high": {"max_side": 1024}}
    rule = model_facts("gpt-6-luna", tables({"gpt-6-luna": {"image": image}})).image_rule
    assert rule == PatchRule(
        Fraction(81, 50), PatchLimit(512), PatchLimit(1024), PatchLimit(65_535), "original"
    )


def test_a_rule_is_replaced_by_one_of_another_kind() -> None:
    tiles: dict[str, object] = {"image": {"rule": "tile", "base": 10, "tile": 20}}
    assert model_facts("gpt-6-luna", tables({"gpt-6*": tiles})).image_rule == TileRule(10, 20)
    assert model_facts("mine", tables({"mine": tiles})).image_rule == TileRule(10, 20)


def test_a_model_can_be_like_another() -> None:
    facts = model_facts(
        "my-deployment", tables({"my-*": {"like": "gpt-4o-2024-08-06", "temperature": False}})
    )
    assert facts.model == "my-deployment"
    assert facts.family == "gpt-4o"
    assert facts.image_rule == TileRule(85, 170)
    assert facts.temperature is False
    assert model_facts("other", tables({"my-*": {"like": "gpt-4o"}})) == model_facts("other")


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ({"base": 3}, r'models\."m"\.image\.rule is missing'),
        ({"rule": "tile", "base": 3}, r"image\.tile is missing for the rule \"tile\""),
        ({"rule": "patch", "multiplier": 1}, r"image\.low is missing"),
        ({"rule": "tile", "base": 1, "tile": 1, "auto": "low"}, r"auto does not belong"),
    ],
)
def test_an_incomplete_rule_names_its_key(image: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        model_facts("m", tables({"m": {"image": image}}))


def test_endings_are_declared_in_any_case_and_known_ones_are_not_redefined() -> None:
    table = ModelTable.model_validate({"whole_endings": ["EOS ", "stop", ""]})
    assert model_facts("m", {"m": table}).whole_endings == frozenset({"eos", "stop", ""})
    assert model_facts("m").whole_endings == frozenset()
    for word in ("length", "SAFETY", "error"):
        with pytest.raises(ValueError, match="no whole ending"):
            ModelTable.model_validate({"whole_endings": [word]})
