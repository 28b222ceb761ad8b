"""Limits of sizes: what no model resizes, what cannot be met, and which models share images."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from pipeline.core.image_tokens import PatchRule, UnsupportedDetail, seen_size
from pipeline.core.size_limits import ImpossibleTarget, bind_size
from pipeline.core.sizing import SizePolicy
from tests.core.test_sizing import MODELS, choose_size, plain, rule_of, sides


@given(sides, sides)
def test_the_safe_size_is_kept_by_every_model(width: int, height: int) -> None:
    size = choose_size(width, height, plain("model", None), None, "high")
    for model in MODELS:
        rule = rule_of(model)
        if isinstance(rule, PatchRule):
            assert seen_size(*size, rule, "high") == size


def test_targets_that_cannot_be_met_are_refused_before_any_image() -> None:
    with pytest.raises(ImpossibleTarget, match=r"no image fits into 1 tokens: one patch costs 1.2"):
        bind_size(plain("tokens", 1), rule_of("gpt-6-luna"), "high")
    with pytest.raises(ImpossibleTarget, match="the smallest image costs 8500"):
        bind_size(plain("tokens", 8499), rule_of("gpt-4o-mini"), "high")
    with pytest.raises(ImpossibleTarget, match="the smallest image costs 2833"):
        bind_size(plain("tokens", 2832), rule_of("gpt-4o-mini"), "low")
    with pytest.raises(ImpossibleTarget, match="unknown"):
        bind_size(plain("tokens", 500), None, "high")
    for model in ("gpt-5.2", "gpt-4o"):
        with pytest.raises(UnsupportedDetail):
            bind_size(plain(), rule_of(model), "original")


def test_models_that_size_alike_share_their_images() -> None:
    """The recipe's hash must not change with facts that do not change a size: it would be paid
    for again."""
    at_512 = {
        json.dumps(bind_size(SizePolicy(), rule_of(model), "high").canonical())
        for model in MODELS
        if isinstance(rule_of(model), PatchRule)
    }
    assert len(at_512) == 1
    large = {
        json.dumps(bind_size(SizePolicy("long_side", 3000), rule_of(model), "high").canonical())
        for model in ("gpt-6-luna", "gpt-5.4", "gpt-5.2", "gpt-5-mini", "gpt-4o")
    }
    assert len(large) == 5
    policy = plain("tokens", 300)
    assert policy.canonical() == {
        "kind": "tokens", "value": 300, "shrink_percent": 3, "shape_pixels": 1,
    }  # fmt: skip
