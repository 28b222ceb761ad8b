"""Token counts against the guide's worked examples and against its formulas, taken literally."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.image_tokens import (
    Detail,
    ImageTooLarge,
    PatchLimit,
    PatchRule,
    TileRule,
    UnsupportedDetail,
    cells,
    highest_image_tokens,
    image_tokens,
    most_image_tokens,
    seen_size,
)
from pipeline.providers.models import model_facts

# Copied by hand from the fact sheet: multiplier, and (D, B) for low, high, original.
PATCH_MODELS = {
    "gpt-6-luna": ("1.2", (512, None), (65535, 2500), (65535, None)),
    "gpt-6-astra": ("1.2", (512, None), (65535, 2500), (65535, None)),
    "gpt-5.6-sol": ("1.2", (512, None), (2048, 2500), (65535, None)),
    "gpt-5.5": ("1.2", (512, None), (2048, 2500), (6000, 10000)),
    "gpt-5.4": ("1.2", (2048, 6144), (2048, 2500), (6000, 10000)),
    "gpt-5.4-mini": ("1.2", (2048, 6144), (2048, 2500), (6000, 10000)),
    "gpt-5.4-nano": ("1.2", (2048, 6144), (2048, 2500), (6000, 10000)),
    "gpt-5.2": ("1.2", (2048, 6144), (2048, 6144), None),
    "gpt-4.1-mini": ("1.62", (2048, 6144), (2048, 6144), None),
    "gpt-4.1-nano": ("2.46", (2048, 1536), (2048, 1536), None),
    "o4-mini": ("1.72", (2048, 1536), (2048, 1536), None),
    "gpt-5-mini": ("1.2", (2048, 1536), (2048, 1536), None),
    "gpt-5-nano": ("1.5", (2048, 1536), (2048, 1536), None),
}
TILE_MODELS = {
    "gpt-4o": (85, 170),
    "gpt-4.1": (85, 170),
    "gpt-5": (70, 140),
    "gpt-5.1": (70, 140),
    "o1": (75, 150),
    "o3": (75, 150),
    "gpt-4o-mini": (2833, 5667),
}
DETAILS = ("low", "high", "original")
SIZES = [
    (1, 1), (31, 33), (32, 32), (33, 32), (512, 341), (512, 512), (513, 512), (640, 480),
    (768, 768), (769, 768), (800, 600), (1000, 3000), (1024, 683), (1024, 1024), (1200, 1200),
    (1280, 720), (1536, 1024), (1600, 1200), (1800, 2400), (1920, 1080), (2000, 1500),
    (2048, 2048), (2049, 1), (2048, 4096), (2500, 2500), (3000, 2000), (3024, 4032),
    (4000, 3000), (4096, 512), (5000, 100), (6000, 4000), (6048, 8064), (8000, 64),
]  # fmt: skip


def rule_of(model: str) -> PatchRule | TileRule:
    rule = model_facts(model).image_rule
    assert rule is not None
    return rule


def floor(value: Decimal) -> Decimal:
    return (value + Decimal("1e-40")).to_integral_value(ROUND_FLOOR)


def guide_patches(width: int, height: int, side: int, budget: int | None) -> int:
    """The guide's steps in 80-digit decimals, without any of the product's algebra."""
    with localcontext() as context:
        context.prec = 80
        w, h = Decimal(width), Decimal(height)
        if max(w, h) > side:
            scale = side / max(w, h)
            w, h = (
                max(Decimal(1), (x * scale + Decimal("1e-40")).to_integral_value(ROUND_HALF_UP))
                for x in (w, h)
            )

        def count(w: Decimal, h: Decimal) -> int:
            up = [(x / 32).to_integral_value(ROUND_CEILING) for x in (w, h)]
            return int(up[0] * up[1])

        if budget is not None and count(w, h) > budget:
            shrink = (Decimal(32) ** 2 * budget / (w * h)).sqrt()
            across, down = w * shrink / 32, h * shrink / 32
            shrink *= min(floor(across) / across, floor(down) / down)
            w, h = (max(Decimal(1), floor(x * shrink)) for x in (w, h))
        return count(w, h)


def guide_tokens(patches: int, multiplier: str) -> int:
    return int((patches * Decimal(multiplier)).to_integral_value(ROUND_CEILING))


@pytest.mark.parametrize(
    ("model", "detail", "width", "height", "tokens"),
    [
        ("gpt-6-astra", "high", 1024, 1024, 1229),
        ("gpt-6-astra", "high", 2048, 2048, 3000),
        ("gpt-6-astra", "high", 4096, 512, 2458),
        ("gpt-5.4", "high", 1024, 1024, 1229),
        ("gpt-5.4", "high", 2048, 2048, 3000),
        ("gpt-4o", "high", 1024, 1024, 765),
        ("gpt-4o", "high", 2048, 4096, 1105),
        ("gpt-4o", "low", 4096, 8192, 85),
        ("gpt-4o-mini", "high", 1024, 1024, 2833 + 4 * 5667),
        ("gpt-4.1-nano", "high", 1800, 2400, 3572),  # 1452 patches, in the guide of 2025
        ("gpt-4.1-mini", "high", 1024, 1024, 1659),
    ],
)
def test_worked_examples(model: str, detail: str, width: int, height: int, tokens: int) -> None:
    assert image_tokens(width, height, rule_of(model), detail) == tokens  # type: ignore[arg-type]


def test_the_resized_sizes_of_the_worked_examples() -> None:
    assert seen_size(2048, 2048, rule_of("gpt-5.4"), "high") == (1600, 1600)
    assert seen_size(1800, 2400, rule_of("o4-mini"), "high") == (1056, 1408)
    assert seen_size(2048, 4096, rule_of("gpt-4o"), "high") == (768, 1536)
    assert seen_size(4096, 512, rule_of("gpt-6-astra"), "high") == (4096, 512)


def test_the_fitted_side_is_rounded_to_the_nearest_pixel() -> None:
    rule = rule_of("gpt-5.4")
    assert seen_size(4096, 65, rule, "high") == (2048, 33)  # 32.5
    assert seen_size(5120, 81, rule, "high") == (2048, 32)  # 32.4
    assert image_tokens(4096, 65, rule, "high") == guide_tokens(64 * 2, "1.2")
    assert image_tokens(5120, 81, rule, "high") == guide_tokens(64 * 1, "1.2")


@pytest.mark.parametrize("model", PATCH_MODELS)
def test_patch_models_follow_the_guide(model: str) -> None:
    multiplier, *limits = PATCH_MODELS[model]
    rule = rule_of(model)
    for (width, height), (detail, limit) in product(SIZES, zip(DETAILS, limits, strict=True)):
        if limit is None:
            continue
        patches = guide_patches(width, height, *limit)
        if patches > 30_000:
            with pytest.raises(ImageTooLarge):
                image_tokens(width, height, rule, detail)
            continue
        found = image_tokens(width, height, rule, detail)
        assert found == guide_tokens(patches, multiplier), (width, height, detail)
        flipped = image_tokens(height, width, rule, detail)
        assert flipped == found


@pytest.mark.parametrize("model", TILE_MODELS)
def test_tile_models_follow_the_guide(model: str) -> None:
    base, tile = TILE_MODELS[model]
    rule = rule_of(model)
    for width, height in SIZES:
        assert image_tokens(width, height, rule, "low") == base
        w, h = Fraction(width), Fraction(height)
        if max(w, h) > 2048:
            w, h = (max(1, round(x * 2048 / max(width, height))) for x in (w, h))
        if min(w, h) > 768:
            w, h = ((x * 768) // min(w, h) for x in (w, h))
        tokens = base + tile * -(-w // 512) * -(-h // 512)
        assert image_tokens(width, height, rule, "high") == tokens, (width, height)
        assert image_tokens(width, height, rule, "auto") == tokens


@given(st.integers(1, 20_000), st.integers(1, 20_000), st.sampled_from(sorted(PATCH_MODELS)))
def test_any_size_follows_the_guide(width: int, height: int, model: str) -> None:
    multiplier, _, high, _ = PATCH_MODELS[model]
    expected = guide_tokens(guide_patches(width, height, *high), multiplier)
    assert image_tokens(width, height, rule_of(model), "high") == expected


@given(st.integers(1, 70_000), st.integers(1, 70_000), st.integers(1, 12_000))
def test_a_shrunk_image_stays_within_the_budget(width: int, height: int, budget: int) -> None:
    limit = PatchLimit(65_535, budget)
    seen = seen_size(width, height, PatchRule(Fraction(1), limit, limit), "high")
    assert cells(*seen, 32) <= budget
    if cells(width, height, 32) > budget and max(width, height) <= 65_535:
        assert cells(*seen, 32) >= budget // 4, "sizing relies on it"
    assert seen[0] <= width
    assert seen[1] <= height
    assert min(seen) >= 1


@pytest.mark.parametrize(
    ("model", "as_detail"),
    [("gpt-6-luna", "original"), ("gpt-5.6-luna", "original"), ("gpt-5.5", "original"),
     ("gpt-5.4", "high"), ("gpt-5.4-nano", "high"), ("gpt-4.1-mini", "high")],
)  # fmt: skip
def test_auto_is_what_the_model_takes_it_for(model: str, as_detail: str) -> None:
    rule = rule_of(model)
    for size in ((3000, 2000), (2500, 700)):
        auto = image_tokens(*size, rule, "auto")
        assert auto == image_tokens(*size, rule, as_detail)  # type: ignore[arg-type]
    assert image_tokens(3000, 2000, rule_of("gpt-6-luna"), "auto") > 3000


def test_too_many_patches_are_refused_only_above_the_limit() -> None:
    rule = rule_of("gpt-6-luna")
    assert image_tokens(200 * 32, 150 * 32, rule, "original") == 36_000
    with pytest.raises(ImageTooLarge, match=r"needs 30150 patches.*send it smaller"):
        image_tokens(201 * 32, 150 * 32, rule, "original")
    assert image_tokens(201 * 32, 150 * 32, rule, "high") <= 3000


def test_wrong_sizes_and_details_are_refused() -> None:
    for model in ("gpt-5.2", "gpt-4o"):
        with pytest.raises(UnsupportedDetail):
            image_tokens(100, 100, rule_of(model), "original")
        with pytest.raises(ValueError, match="no size 0x100"):
            image_tokens(0, 100, rule_of(model), "high")


def test_the_highest_count_covers_every_edition_of_the_guide() -> None:
    nano = rule_of("gpt-5.4-nano")
    assert highest_image_tokens(512, 341, nano, "high") == guide_tokens(176, "2.46") + 1
    assert highest_image_tokens(512, 341, rule_of("gpt-6-luna"), "high") == 212 + 1
    assert highest_image_tokens(512, 341, rule_of("gpt-4o"), "high") == 255 + 1


SIDES = st.integers(1, 70_000)
ALL_DETAILS = st.sampled_from(["low", "high", "original", "auto"])


@given(SIDES, SIDES, st.sampled_from(sorted({*PATCH_MODELS, *TILE_MODELS})), ALL_DETAILS)
def test_no_image_costs_more_than_the_most(
    width: int, height: int, model: str, detail: Detail
) -> None:
    rule = rule_of(model)
    try:
        highest = highest_image_tokens(width, height, rule, detail)
    except (UnsupportedDetail, ImageTooLarge):
        return
    assert highest <= most_image_tokens(rule, detail)


@pytest.mark.parametrize(
    ("model", "detail", "most"),
    [
        ("gpt-6-luna", "low", 308 + 1),  # 16 x 16 patches
        ("gpt-6-luna", "high", 3000 + 1),
        ("gpt-6-luna", "original", 36_000 + 1),
        ("gpt-4o", "low", 85 + 1),
        ("gpt-4o", "high", 85 + 8 * 170 + 1),
    ],
)
def test_the_most_by_hand(model: str, detail: Detail, most: int) -> None:
    assert most_image_tokens(rule_of(model), detail) == most
