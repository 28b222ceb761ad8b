from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.schema_values import Mismatch, as_bool, as_integer, as_number, as_text, fit_value

INTEGER = {"type": "integer"}
TEXTS = {"type": "array", "items": {"type": "string"}}
POINT = {"type": "object", "properties": {"x": INTEGER}, "required": ["x"]}
ROOT = {"$defs": {"Mood": {"type": "string", "enum": ["glad", "sad"]}}}
MOOD = {"$ref": "#/$defs/Mood"}


def maybe(node: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [node, {"type": "null"}]}


@pytest.mark.parametrize(
    ("node", "value", "fitted"),
    [
        (INTEGER, 3, 3),
        (INTEGER, "3", 3),
        (INTEGER, " -3 ", -3),
        (INTEGER, "+3.0", 3),
        (INTEGER, 3.0, 3),
        (maybe(INTEGER), "3", 3),
        (maybe(INTEGER), None, None),
        (INTEGER, None, None),
        ({"type": "number"}, "1.5", 1.5),
        ({"type": "number"}, "1e3", 1000.0),
        ({"type": "number"}, 3, 3),
        ({"type": "boolean"}, "true", True),
        ({"type": "boolean"}, "False", False),
        ({"type": "boolean"}, 1, True),
        ({"type": "string"}, 3, "3"),
        ({"type": "string"}, True, "true"),
        (TEXTS, ["a", 1], ["a", "1"]),
        (TEXTS, "a", ["a"]),
        (TEXTS, '["a", "b"]', ["a", "b"]),
        (POINT, {"x": "5"}, {"x": 5}),
        (POINT, '{"x": "5"}', {"x": 5}),
        (POINT, {"x": 5, "y": 6}, {"x": 5, "y": 6}),
        ({"type": "array", "items": POINT}, [{"x": "5"}], [{"x": 5}]),
        (MOOD, "glad", "glad"),
        (maybe(MOOD), "sad", "sad"),
        ({"enum": [1, 2]}, "2", 2),
        ({"const": "x"}, "x", "x"),
        ({"type": ["integer", "string"]}, "3", "3"),
        ({"anyOf": [INTEGER, {"type": "string"}]}, "3", "3"),
        ({"anyOf": [INTEGER, {"type": "string"}]}, 3, 3),
        ({}, {"any": 1}, {"any": 1}),
        (True, 5, 5),
        ({"$ref": "#/$defs/No"}, 5, 5),
    ],
)
def test_a_value_is_brought_to_its_type_where_that_loses_nothing(
    node: Any, value: object, fitted: object
) -> None:
    result = fit_value(node, value, ROOT, "f")
    assert (result, type(result)) == (fitted, type(fitted))


@pytest.mark.parametrize(
    ("node", "value", "words"),
    [
        (INTEGER, 3.7, "f: 3.7 is not an integer"),
        (INTEGER, "three", 'f: "three" is not an integer'),
        (INTEGER, "1,234", "not an integer"),
        (INTEGER, "٣", "not an integer"),
        (INTEGER, True, "f: true is not an integer"),
        (INTEGER, 2**63, "not an integer"),
        (INTEGER, "9" * 5000, r'f: "9+\.\.\. is not an integer'),
        (maybe(INTEGER), "n/a", 'f: "n/a" is not an integer or null'),
        ({"type": "number"}, "45 %", "not a number"),
        ({"type": "number"}, "NaN", "not a number"),
        ({"type": "boolean"}, "partly", 'f: "partly" is not a boolean'),
        ({"type": "boolean"}, 2, "f: 2 is not a boolean"),
        ({"type": "string"}, ["a"], r'f: \["a"\] is not a string'),
        (MOOD, "angry", 'f: "angry" is none of glad, sad'),
        (maybe(MOOD), "angry", 'f: "angry" is not one of glad, sad or null'),
        ({"enum": [1, 2]}, True, "f: true is not one of 1, 2"),
        (TEXTS, {"a": 1}, r'f: \{"a": 1\} is not an array'),
        (TEXTS, ["a", ["b"]], r'f\[1\]: \["b"\] is not a string'),
        (POINT, {"y": 1}, r'f: \{"y": 1\} is without x'),
        (POINT, "here", 'f: "here" is not an object'),
        ({"type": "array", "items": POINT}, [{"x": 1}, {"x": "a"}], r'f\[1\].x: "a" is not'),
    ],
)
def test_what_does_not_fit_is_named(node: Any, value: object, words: str) -> None:
    with pytest.raises(Mismatch, match=words):
        fit_value(node, value, ROOT, "f")


@pytest.mark.parametrize("huge", [10**400, float("inf"), float("nan"), "1e999"])
def test_numbers_that_no_column_holds(huge: object) -> None:
    assert as_number(huge) is None
    assert as_integer(huge) is None


@given(st.integers(-(2**63), 2**63 - 1))
def test_integers_are_exact(number: int) -> None:
    assert as_integer(number) == as_integer(str(number)) == number


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(json_values, st.sampled_from([INTEGER, TEXTS, POINT, MOOD, maybe(MOOD), {"type": "number"}]))
def test_any_value_fits_or_is_named(value: object, node: dict[str, Any]) -> None:
    with contextlib.suppress(Mismatch):
        fitted = fit_value(node, value, ROOT, "place")
        assert fit_value(node, fitted, ROOT, "place") == fitted
        json.dumps(fitted)


def test_plain_conversions() -> None:
    assert (as_text("a"), as_text(["ü"]), as_bool("no")) == ("a", '["ü"]', None)
