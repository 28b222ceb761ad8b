from __future__ import annotations

import functools
from decimal import Decimal
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.image_tokens import (
    UNKNOWN_SIZE,
    ImageTooLarge,
    highest_image_tokens,
    image_tokens,
)
from pipeline.core.text_tokens import estimated_tokens
from pipeline.core.tokens import RequestEstimate, RequestEstimator
from pipeline.providers.models import model_facts

LUNA = model_facts("gpt-6-luna")


def test_a_request_by_hand() -> None:
    estimator = RequestEstimator.of(
        LUNA, "high", 120, system="s" * 40, margin=Decimal("0.25"), count=estimated_tokens
    )
    found = estimator.estimate(512, 341, "p" * 80)
    # request 3, messages 4 + 11 and 4 + 22, image 176 patches * 1.2
    assert found == RequestEstimate(
        counted_prompt=3 + 15 + 26 + 212,
        guessed=3 + 15 + 26,
        expected_prompt=3 + 15 + 26 + 212,
        # request 64, messages 16 + 40 and 16 + 80, image 1.25 * (212 + 1)
        upper_prompt=64 + 56 + 96 + 267,
        expected_completion=80,
        max_completion=120,
    )


def test_a_schema_counts_and_short_answers_are_short() -> None:
    of = functools.partial(RequestEstimator.of, LUNA, "high", 50, count=estimated_tokens)
    plain = of().estimate(512, 512, "x")
    schema = '{"type":"object"}' * 10
    with_schema = of(schema=schema).estimate(512, 512, "x")
    assert plain.expected_completion == plain.max_completion == 50
    assert with_schema.expected_prompt - plain.expected_prompt == 4 + 47
    assert (with_schema.upper_prompt or 0) - (plain.upper_prompt or 0) == 256 + 2 * 170


@given(
    st.integers(1, 3000), st.integers(1, 3000), st.text(), st.text(max_size=50),
    st.sampled_from(["gpt-6-luna", "gpt-5.4-nano", "gpt-4o-mini", "unheard-of"]),
    st.decimals("0", "2", places=2),
)  # fmt: skip
def test_the_bound_holds_for_one_token_a_byte_and_the_dearest_edition(
    width: int, height: int, prompt: str, system: str, model: str, margin: Decimal
) -> None:
    facts = model_facts(model)
    estimator = RequestEstimator.of(facts, "high", 100, system=system, margin=margin)
    found = estimator.estimate(width, height, prompt)
    assert found.upper_prompt is not None
    assert 0 < found.expected_prompt <= found.upper_prompt
    text = len(prompt.encode()) + len(system.encode())
    if facts.image_rule is not None:
        highest = highest_image_tokens(width, height, facts.image_rule, "high")
        assert highest > image_tokens(width, height, facts.image_rule, "high")
        assert found.upper_prompt >= text + ceil(highest * (1 + margin))
    else:
        patches = ceil(width / 14) * ceil(height / 14)
        assert found.upper_prompt >= text + ceil(patches * (1 + margin))


def test_an_unknown_model_is_estimated_like_an_open_one() -> None:
    found = RequestEstimator.of(model_facts("qwen-vl"), "high", 100, margin=Decimal(0)).estimate(
        560, 280, ""
    )
    assert found.expected_prompt == 3 + 20 * 10
    assert found.upper_prompt == 64 + 16 + 16 + 40 * 20 + 2880


def test_an_image_that_would_be_refused_is_said_so() -> None:
    with pytest.raises(ImageTooLarge):
        RequestEstimator.of(LUNA, "original", 100).estimate(8000, 8000, "")


def test_an_image_that_nobody_has_seen_is_the_dearest() -> None:
    estimator = RequestEstimator.of(LUNA, "high", 100, margin=Decimal("0.25"))
    found = estimator.estimate(*UNKNOWN_SIZE, "")
    assert found.expected_prompt == 3 + 3001
    assert found.upper_prompt == 64 + 16 + 16 + 3752


def test_an_unseen_image_of_an_unknown_model_has_no_bound() -> None:
    found = RequestEstimator.of(model_facts("qwen-vl"), "high", 100).estimate(*UNKNOWN_SIZE, "")
    assert found.expected_prompt > 5000
    assert found.upper_prompt is None


def test_bills_move_the_text_and_not_what_a_rule_fixes() -> None:
    plain = RequestEstimator.of(LUNA, "high", 120)
    dearer = RequestEstimator.of(LUNA, "high", 120, guess_ratio=Decimal(2))
    one, other = plain.estimate(512, 341, "p" * 80), dearer.estimate(512, 341, "p" * 80)
    assert (one.counted_prompt, one.guessed) == (other.counted_prompt, other.guessed)
    assert one.expected_prompt == one.counted_prompt
    moved = other.expected_prompt - other.counted_prompt
    assert moved == other.guessed
    assert other.upper_prompt == one.upper_prompt
    absurd = RequestEstimator.of(LUNA, "high", 120, guess_ratio=Decimal(20))
    most = absurd.estimate(512, 341, "p" * 80)
    assert most.expected_prompt == most.upper_prompt


def test_an_image_without_a_rule_is_measured_with_the_text() -> None:
    unknown = RequestEstimator.of(model_facts("qwen-vl"), "high", 100, guess_ratio=Decimal(2))
    found = unknown.estimate(560, 280, "p" * 80)
    assert found.guessed == found.counted_prompt
    assert found.expected_prompt == 2 * found.counted_prompt
