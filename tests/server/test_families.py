from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.server.families import _MOST_PATCHES, billed_image_tokens, family_of
from pipeline.server.refusals import ApiError


@pytest.mark.parametrize(
    ("model", "detail", "size", "tokens"),
    [
        ("gpt-6-astra", "high", (1024, 1024), 1229),
        ("gpt-6-astra", "high", (2048, 2048), 3000),
        ("gpt-6-astra", "high", (4096, 512), 2458),
        ("gpt-6-luna", "low", (1024, 512), 154),
        ("gpt-6-luna", "auto", (4096, 4096), 19661),
        ("gpt-5.4-mini", "auto", (32, 32), 2),
        ("gpt-4.1-mini", "high", (32, 33), 4),
        ("gpt-4o", "high", (1024, 1024), 765),
        ("gpt-4o", "high", (2048, 4096), 1105),
        ("gpt-4o", "low", (2048, 4096), 85),
        ("gpt-4o-mini", "high", (512, 512), 8500),
        ("captionmill-local-efficientnet-lite0", "low", (512, 512), 256),
    ],
)
def test_worked_examples(model: str, detail: str, size: tuple[int, int], tokens: int) -> None:
    assert billed_image_tokens(model, *size, detail) == tokens


@given(
    st.sampled_from(["gpt-6-luna", "gpt-5.6-luna", "gpt-5.4-mini", "gpt-4.1-mini", "gpt-5-mini"]),
    st.integers(1, 20_000),
    st.integers(1, 20_000),
)
def test_the_budget_holds_for_any_shape(model: str, width: int, height: int) -> None:
    budget = {"gpt-4.1-mini": 6144, "gpt-5-mini": 1536}.get(model, 2500)
    percent = 162 if model == "gpt-4.1-mini" else 120
    tokens = billed_image_tokens(model, width, height, "high")
    assert 1 <= tokens <= -(-budget * percent // 100)
    assert tokens == billed_image_tokens(model, height, width, "high")


def test_too_many_patches_are_refused() -> None:
    side = 32 * (int(_MOST_PATCHES**0.5) + 1)
    with pytest.raises(ApiError) as caught:
        billed_image_tokens("gpt-6-luna", side, side, "original")
    assert caught.value.code == "image_too_large"


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-4.1-mini"])
def test_details_that_a_family_does_not_know(model: str) -> None:
    with pytest.raises(ApiError, match="original"):
        billed_image_tokens(model, 10, 10, "original")


def test_the_longest_prefix_decides() -> None:
    assert family_of("gpt-5.4-mini-2026-03-01").effort == "none"
    assert family_of("gpt-5-mini").effort == "medium"
    assert family_of("gpt-5.6-luna").cache_writes
    assert not family_of("gpt-5.5").cache_writes
    assert not family_of("openly-something").reasoning
