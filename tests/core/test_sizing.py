"""Sizes: the documented rule against brute force, and what must hold for any image."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.image_tokens import (
    Detail,
    ImageRule,
    PatchLimit,
    PatchRule,
    TileRule,
    cells,
    image_tokens,
    seen_size,
)
from pipeline.core.size_limits import bind_size
from pipeline.core.sizing import SizePolicy
from pipeline.providers.models import model_facts

MODELS = [
    "gpt-6-luna", "gpt-5.6-luna", "gpt-5.5", "gpt-5.4-mini", "gpt-5.2", "gpt-4.1-mini",
    "gpt-5-mini", "gpt-5-nano", "gpt-4o", "gpt-5.1", "o3", "gpt-4o-mini",
]  # fmt: skip
SMALL_PATCHES = PatchRule(Fraction(6, 5), PatchLimit(96), PatchLimit(130, 12), PatchLimit(400))
sides = st.one_of(st.integers(1, 200), st.integers(1, 5000), st.integers(1, 60_000))
models = st.sampled_from(MODELS)
details = st.sampled_from(["low", "high"])


def plain(*args: Any, **options: Any) -> SizePolicy:
    """A policy that lets strips become as thin as they come."""
    return SizePolicy(*args, min_sent_side=1, **options)


def rule_of(model: str) -> ImageRule:
    rule = model_facts(model).image_rule
    assert rule is not None
    return rule


def choose_size(
    width: int, height: int, policy: SizePolicy, rule: ImageRule | None, detail: Detail
) -> tuple[int, int]:
    return bind_size(policy, rule, detail).choose(width, height)


@st.composite
def policies(draw: st.DrawFn) -> SizePolicy:
    kind = draw(st.sampled_from(["long_side", "tokens", "model"]))
    value = {
        "long_side": st.integers(1, 5000), "tokens": st.integers(9000, 90_000), "model": st.none(),
    }[kind]  # fmt: skip
    return plain(
        kind,
        draw(value),
        shrink_percent=draw(st.integers(0, 10)),
        shape_pixels=draw(st.integers(0, 8)),
    )


@pytest.mark.parametrize(
    ("source", "size", "patches"),
    [
        ((6000, 4000), (512, 341), 16 * 11),
        ((4000, 6000), (341, 512), 16 * 11),
        ((4000, 3000), (512, 384), 16 * 12),
        ((1920, 1080), (512, 288), 16 * 9),
        ((4096, 2304), (512, 288), 16 * 9),
        ((3000, 3000), (512, 512), 16 * 16),
        ((2000, 1500), (512, 384), 16 * 12),
        ((514, 514), (512, 512), 16 * 16),
        ((516, 516), (512, 512), 16 * 16),
        ((300, 200), (300, 200), 10 * 7),
        ((100, 33), (99, 32), 4 * 1),  # one pixel off the long side saves a row
        ((33, 33), (32, 32), 1),
        ((1, 20_000), (1, 512), 16),
        ((20_000, 3), (512, 1), 16),
        ((1, 1), (1, 1), 1),
        ((5000, 3760), (511, 384), 16 * 12),  # 512 would need a row for one pixel
        ((5000, 3790), (507, 384), 16 * 12),  # 2 % of the pixels for 8 % of the tokens
        ((5000, 3850), (512, 394), 16 * 13),  # too far from the row below
    ],
)
def test_long_side_512(source: tuple[int, int], size: tuple[int, int], patches: int) -> None:
    found = choose_size(*source, plain(), rule_of("gpt-6-luna"), "high")
    assert found == size
    assert cells(*found, 32) == patches


@pytest.mark.parametrize(
    ("model", "detail", "size"),
    [
        ("gpt-6-luna", "high", (1920, 1280)),  # 2,400 of 2,500 patches
        ("gpt-6-luna", "low", (512, 341)),
        ("gpt-6-luna", "original", (6000, 4000)),
        ("gpt-5-mini", "high", (1489, 992)),  # the service would make it 1488x992
        ("gpt-4o", "high", (1152, 768)),
        ("gpt-4o", "low", (512, 341)),
    ],
)
def test_as_the_model_sees_it(model: str, detail: Detail, size: tuple[int, int]) -> None:
    rule = rule_of(model)
    found = choose_size(6000, 4000, plain("model", None), rule, detail)
    assert found == size


def test_a_token_target_is_met_with_the_largest_size() -> None:
    rule = rule_of("gpt-6-luna")
    size = choose_size(6000, 4000, plain("tokens", 500), rule, "high")
    assert size == (768, 512)  # 24 x 16 = 384 patches, 461 tokens; 25 x 17 would be 510
    assert image_tokens(*size, rule, "high") == 461
    assert choose_size(6000, 4000, plain("tokens", 2), rule, "high") == (32, 21)
    tiles = rule_of("gpt-4o")
    assert choose_size(6000, 4000, plain("tokens", 300), tiles, "high") == (512, 341)
    assert choose_size(6000, 4000, plain("tokens", 425), tiles, "high") == (769, 512)
    assert choose_size(6000, 4000, plain("tokens", 90), tiles, "low") == (512, 341)


def brute_force(
    long: int, short: int, rule: ImageRule, detail: Detail, policy: SizePolicy
) -> tuple[int, int]:
    """The module's rule, word for word, over every size."""
    cell = 32 if isinstance(rule, PatchRule) else 512
    exact = Fraction(short, long)

    def price(size: tuple[int, int]) -> int:
        if isinstance(rule, PatchRule):
            return cells(*size, 32)
        return rule.base if detail == "low" else rule.base + rule.tile * cells(*size, 512)

    def size_at(side: int) -> tuple[int, int]:
        x = side * exact
        nearest = max(1, int(x + Fraction(1, 2)))
        reach = range(max(1, nearest - policy.shape_pixels), nearest)
        below = [s for s in reach if s > x - policy.shape_pixels]
        rows = [s for s in below if -(-s // cell) < -(-nearest // cell)]
        return side, max(rows, default=nearest)

    def allowed(size: tuple[int, int]) -> bool:
        if seen_size(*size, rule, detail) != size:
            return False
        if image_tokens(*size, rule, detail) > image_tokens(long, short, rule, detail):
            return False
        if policy.kind == "tokens":
            assert policy.value is not None
            return image_tokens(*size, rule, detail) <= policy.value
        return policy.kind == "model" or size[0] <= (policy.value or 0)

    largest = next(side for side in range(long, 0, -1) if allowed(size_at(side)))
    first = largest * (100 - policy.shrink_percent) // 100
    sizes = [size_at(side) for side in range(max(1, first), largest + 1)]
    return max(sizes, key=lambda size: (Fraction((size[0] * size[1]) ** 2, price(size)), size))


@pytest.mark.parametrize(
    "policy",
    [
        plain("long_side", 70),
        plain("long_side", 130),
        plain("long_side", 200, shrink_percent=10, shape_pixels=0),
        plain("long_side", 129, shrink_percent=0),
        plain("long_side", 200, shrink_percent=5, shape_pixels=4),
        plain("tokens", 11),
        plain("model", None),
    ],
    ids=str,
)
@pytest.mark.parametrize("detail", ["low", "high"])
def test_every_small_size_is_the_best_one(policy: SizePolicy, detail: Detail) -> None:
    for long in range(1, 150, 2):
        for short in {*range(1, long + 1, 3), long, max(1, long - 1)}:
            found = choose_size(long, short, policy, SMALL_PATCHES, detail)
            assert found == brute_force(long, short, SMALL_PATCHES, detail, policy), (long, short)


@pytest.mark.parametrize("rule", [TileRule(85, 170), TileRule(2833, 5667)], ids=str)
@pytest.mark.parametrize("detail", ["low", "high"])
def test_sizes_for_tiles_are_the_best_ones(rule: TileRule, detail: Detail) -> None:
    for policy in (plain("long_side", 1040), plain("model", None)):
        for source in ((1030, 700), (1024, 768), (1060, 515), (1600, 513), (900, 900), (530, 20)):
            found = choose_size(*source, policy, rule, detail)
            assert found == brute_force(*source, rule, detail, policy), source


@given(sides, sides, policies(), models, details)
def test_any_image_keeps_its_promises(
    width: int, height: int, policy: SizePolicy, model: str, detail: Detail
) -> None:
    rule = rule_of(model)
    w, h = choose_size(width, height, policy, rule, detail)
    assert 1 <= w <= width
    assert 1 <= h <= height
    assert seen_size(w, h, rule, detail) == (w, h), "the service would shrink it"
    tokens = image_tokens(w, h, rule, detail)
    if policy.kind == "long_side":
        assert max(w, h) <= (policy.value or 0)
    if policy.kind == "tokens":
        assert tokens <= (policy.value or 0)
    (long, short), (a, b) = sorted((width, height))[::-1], sorted((w, h))[::-1]
    exact = Fraction(a * short, long)
    assert b <= exact + Fraction(1, 2) or b == 1
    assert b > exact - max(policy.shape_pixels, Fraction(1, 2)) or b == exact - Fraction(1, 2)
    assert (h, w) == choose_size(height, width, policy, rule, detail) or width == height


@given(sides, sides, st.integers(1, 5000), models, details)
def test_never_more_tokens_than_a_plain_resize(
    width: int, height: int, target: int, model: str, detail: Detail
) -> None:
    rule = rule_of(model)
    found = choose_size(width, height, plain("long_side", target), rule, detail)
    tokens = image_tokens(*found, rule, detail)
    scale = min(Fraction(1), Fraction(target, max(width, height)))
    resized = max(1, round(width * scale)), max(1, round(height * scale))
    if seen_size(*resized, rule, detail) == resized:
        assert tokens <= image_tokens(*resized, rule, detail)


@given(sides, sides, policies(), models, details)
def test_never_more_tokens_than_the_original(
    width: int, height: int, policy: SizePolicy, model: str, detail: Detail
) -> None:
    rule = rule_of(model)
    found = choose_size(width, height, policy, rule, detail)
    assert image_tokens(*found, rule, detail) <= image_tokens(width, height, rule, detail)


@given(sides, sides, st.integers(1, 3000), st.integers(0, 300), models, details)
def test_tokens_grow_with_the_target_only(
    width: int, height: int, target: int, more: int, model: str, detail: Detail
) -> None:
    rule = rule_of(model)
    small, large = (
        choose_size(width, height, plain("long_side", value), rule, detail)
        for value in (target, target + more)
    )
    assert image_tokens(*small, rule, detail) <= image_tokens(*large, rule, detail)
    assert max(small) <= max(large)


@given(sides, sides, st.integers(9000, 40_000), st.integers(0, 20_000), models)
def test_a_larger_token_target_never_gives_a_smaller_size(
    width: int, height: int, target: int, more: int, model: str
) -> None:
    rule = rule_of(model)
    small, large = (
        choose_size(width, height, plain("tokens", value), rule, "high")
        for value in (target, target + more)
    )
    assert max(small) <= max(large)
    assert image_tokens(*small, rule, "high") <= image_tokens(*large, rule, "high")


@given(sides, sides, st.integers(1, 4000))
def test_an_unknown_model_gets_a_plain_long_side(width: int, height: int, target: int) -> None:
    w, h = choose_size(width, height, plain("long_side", target), None, "high")
    assert max(w, h) == min(target, max(width, height))
    exact = Fraction(max(w, h) * min(width, height), max(width, height))
    assert min(w, h) == 1 or abs(min(w, h) - exact) <= Fraction(1, 2)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "long_side", "value": None},
        {"kind": "long_side", "value": 0},
        {"kind": "tokens", "value": -5},
        {"kind": "model", "value": 512},
        {"shrink_percent": 51},
        {"shrink_percent": -1},
        {"shape_pixels": 32},
    ],
)
def test_impossible_policies_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"size policy|must be between"):
        SizePolicy(**wrong)  # type: ignore[arg-type]


def test_an_image_without_a_size_is_refused() -> None:
    with pytest.raises(ValueError, match="no size 0x5"):
        choose_size(0, 5, plain(), None, "high")


def test_details_are_those_of_the_service() -> None:
    assert set(get_args(Detail)) == {"low", "high", "original", "auto"}


@pytest.mark.parametrize(
    "target", [SizePolicy(), SizePolicy("tokens", 300), SizePolicy("model", None)]
)
@pytest.mark.parametrize("model", ["gpt-6-luna", "gpt-4o-mini", "", "gpt-5-mini"])
def test_a_strip_keeps_a_short_side_that_can_be_read(target: SizePolicy, model: str) -> None:
    rule = rule_of(model) if model else None
    if (rule is None and target.kind == "tokens") or (
        isinstance(rule, TileRule) and target.value == 300
    ):
        return
    for source in ((690, 15_420), (15_420, 690), (6000, 90)):
        size = choose_size(*source, target, rule, "high")
        assert min(size) >= 28, (source, size)
        assert max(size) <= max(source)
        assert abs(min(size) / max(size) - min(source) / max(source)) < 1 / max(size)
        assert rule is None or seen_size(*size, rule, "high") == size
        assert rule is None or target.kind != "tokens" or image_tokens(*size, rule, "high") <= 300


def test_what_is_thin_in_the_file_is_thin() -> None:
    rule = rule_of("gpt-6-luna")
    assert choose_size(400, 10, SizePolicy(), rule, "high") == (400, 10)
    assert choose_size(16, 16, SizePolicy(), rule, "high") == (16, 16)
    assert choose_size(20_000, 3, SizePolicy(), None, "high") == (2048, 1)
    assert choose_size(4000, 3000, SizePolicy("long_side", 20), rule, "high")[0] <= 28
    assert min(choose_size(690, 15_420, SizePolicy(min_sent_side=60), rule, "high")) == 60
    with pytest.raises(ValueError, match="min_sent_side"):
        SizePolicy(min_sent_side=0)


def test_the_short_side_enters_the_identity_only_where_it_is_another_one() -> None:
    """Nobody pays again for an upgrade."""
    rule = rule_of("gpt-6-luna")
    assert set(bind_size(SizePolicy(), rule, "high").canonical()) == {
        "cell", "max_side", "max_short", "max_cells", "service", "base", "per_cell",
        "shrink_percent", "shape_pixels",
    }  # fmt: skip
    assert bind_size(SizePolicy(min_sent_side=27), rule, "high").canonical()["min_sent_side"] == 27
    grown = bind_size(SizePolicy(min_sent_side=27), rule, "high").canonical()
    assert {"grown_side", "grown_cells"} <= grown.keys()
    never = bind_size(SizePolicy(min_sent_side=1), rule, "high").canonical()
    assert not {"grown_side", "grown_cells"} & never.keys()
