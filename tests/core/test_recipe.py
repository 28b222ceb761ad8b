"""How an image is prepared."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from pipeline.core.recipe import DEFAULT_FORMATS, EXTRA_FORMATS, ImageLimits, Recipe
from pipeline.core.size_limits import bind_size
from pipeline.core.sizing import SizePolicy
from tests.imaging.drawing import LongSide

PLAIN = Recipe(LongSide(512))
SHAPING = {
    "size": LongSide(511),
    "quality": 84,
    "subsampling": "444",
    "background": (0, 0, 0),
    "frame": 1,
    "pass_through": True,
}
DECIDING = {
    "on_damage": "accept",
    "caps": ImageLimits(max_side=9),
    "formats": DEFAULT_FORMATS - {"GIF"},
}


def changed(name: str, value: object) -> Recipe:
    return replace(PLAIN, **{name: value})


def test_the_canonical_form_is_json() -> None:
    assert json.loads(json.dumps(PLAIN.canonical())) == PLAIN.canonical()
    assert json.loads(json.dumps(PLAIN.admission())) == PLAIN.admission()


@pytest.mark.parametrize("name", SHAPING)
def test_what_shapes_the_bytes_is_in_the_canonical_form(name: str) -> None:
    recipe = changed(name, SHAPING[name])
    assert recipe.canonical() != PLAIN.canonical()
    assert recipe.admission() == PLAIN.admission()


@pytest.mark.parametrize("name", DECIDING)
def test_what_decides_over_refusal_is_not(name: str) -> None:
    recipe = changed(name, DECIDING[name])
    assert recipe.canonical() == PLAIN.canonical()
    assert recipe.admission() != PLAIN.admission()


def test_a_hash_more_changes_neither() -> None:
    recipe = changed("perceptual_hash", True)
    assert recipe.canonical() == PLAIN.canonical()
    assert recipe.admission() == PLAIN.admission()


def test_every_field_was_thought_of() -> None:
    names = set(Recipe.__struct_fields__)
    assert names == {*SHAPING, *DECIDING, "perceptual_hash"}


def test_every_known_format_may_be_asked_for() -> None:
    every = DEFAULT_FORMATS | EXTRA_FORMATS
    assert changed("formats", every).admission()["formats"] == sorted(every)
    assert PLAIN.formats == DEFAULT_FORMATS


def test_a_bound_size_policy_is_a_size_chooser() -> None:
    sizing = bind_size(SizePolicy("long_side", 512), None, "high")
    recipe = Recipe(sizing)
    assert recipe.size.choose(1024, 768) == (512, 384)
    assert recipe.canonical()["size"] == sizing.canonical()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("quality", 0), ("quality", 101), ("background", (1, 2)), ("background", (1, 2, 256)),
        ("frame", -1), ("formats", frozenset({"JPG"})),
    ],
)  # fmt: skip
def test_impossible_recipes(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        changed(name, value)


@pytest.mark.parametrize("name", ["max_file_bytes", "max_pixels", "max_side", "min_side"])
def test_impossible_caps(name: str) -> None:
    with pytest.raises(ValueError, match="from 1 on"):
        ImageLimits(**{name: 0})
