from __future__ import annotations

from typing import Any

import pytest

from pipeline.core.json_schema import alternatives, properties_of, resolved, strict_schema, types_of

KIND = {"type": "string", "enum": ["photo", "art"]}
ROOT: dict[str, Any] = {
    "$defs": {
        "Kind": KIND,
        "Again": {"$ref": "#/$defs/Kind"},
        "Circle": {"$ref": "#/$defs/Circle"},
        "a/b": {"type": "null"},
        "Tree": {
            "type": "array",
            "items": {"$ref": "#/$defs/Tree", "description": "A branch."},
        },
    }
}


@pytest.mark.parametrize(
    ("reference", "target"),
    [
        ("#/$defs/Kind", KIND),
        ("#/$defs/Again", KIND),
        ("#/$defs/a~1b", {"type": "null"}),
        ("#", ROOT),
        ("#/$defs/No", None),
        ("#/$defs/Kind/enum/0", None),
        ("#/$defs/Circle", None),
        ("https://example.org/x.json", None),
        (5, None),
    ],
)
def test_references(reference: object, target: object) -> None:
    assert resolved({"$ref": reference}, ROOT) == target


def test_choices_of_a_value() -> None:
    either = {"anyOf": [{"$ref": "#/$defs/Kind"}, {"type": ["integer", "null"]}]}
    assert list(alternatives(either, ROOT)) == [KIND, {"type": "integer"}, {"type": "null"}]
    assert list(alternatives({"$ref": "#/$defs/No"}, ROOT)) == []
    assert list(alternatives(5, ROOT)) == []
    endless: dict[str, Any] = {"$defs": {"A": {"anyOf": [{"$ref": "#/$defs/A"}]}}}
    assert list(alternatives({"$ref": "#/$defs/A"}, endless)) == []


@pytest.mark.parametrize(
    ("node", "types"),
    [
        ({"type": "string"}, {"string"}),
        ({"enum": ["a", "b"]}, {"string"}),
        ({"enum": [1, 2.5, True, None]}, {"integer", "number", "boolean", "null"}),
        ({"const": "x"}, {"string"}),
        ({"const": [1]}, {"array"}),
        ({"const": {}}, {"object"}),
        ({}, set()),
    ],
)
def test_types(node: dict[str, Any], types: set[str]) -> None:
    assert types_of(node) == types


def test_properties() -> None:
    assert properties_of({"properties": {"a": {}}}) == {"a": {}}
    assert properties_of({"properties": []}) == properties_of(None) == {}


def test_what_strict_mode_does_not_take_is_written_otherwise() -> None:
    schema = {
        **ROOT,
        "properties": {
            "kind": {"$ref": "#/$defs/Kind", "description": "Of which kind."},
            "plain": {"$ref": "#/$defs/Kind"},
            "default": {"anyOf": [{"type": "integer", "default": 3}], "default": None},
            "tree": {"$ref": "#/$defs/Tree", "description": "All of it."},
        },
    }
    sent = strict_schema(schema)
    tree = {"type": "array", "items": {"$ref": "#/$defs/Tree"}}
    assert sent["properties"] == {
        "kind": {**KIND, "description": "Of which kind."},
        "plain": {"$ref": "#/$defs/Kind"},
        "default": {"anyOf": [{"type": "integer"}]},
        "tree": {**tree, "description": "All of it."},
    }
    assert list(sent["properties"]) == list(schema["properties"])


def test_a_schema_that_strict_mode_takes_goes_as_it_is() -> None:
    schema = {"type": "object", "properties": {"a": KIND, "b": {"type": "array", "items": KIND}}}
    assert strict_schema(schema) == schema
