from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.config.schema import checked_schema

GOOD: dict[str, Any] = {
    "type": "object",
    "properties": {
        "caption": {"type": "string"},
        "objects": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"name": {"type": "string"}},
                "required": ["name"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["caption", "objects"],
    "additionalProperties": False,
}


def changed(change: str) -> dict[str, Any]:
    schema = copy.deepcopy(GOOD)
    exec(change, {"s": schema, "p": schema["properties"]})
    return schema


def test_a_good_schema_is_taken_as_it_is() -> None:
    assert checked_schema(GOOD) is GOOD


def test_the_shipped_schemas_are_good() -> None:
    found = sorted((Path(__file__).parents[2] / "configs" / "schemas").glob("*.json"))
    assert found
    for path in found:
        checked_schema(json.loads(path.read_text()))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("s.clear()", "the root must have type"),
        ("s['type'] = 'array'", "the root must have type"),
        ("s['properties'] = {}", "must have properties"),
        ("s['properties'] = []", "must have properties"),
        ("del s['additionalProperties']", "the root must have additionalProperties = false"),
        ("s['required'] = ['caption']", "must list in required: objects"),
        ("s['required'] = 'caption'", "must list in required: caption, objects"),
        ("s['required'] += ['x']", "requires what it does not have: x"),
        ("p['caption']['type'] = 'number'", "the first property must be"),
        ("p['caption'] = p.pop('caption')", "the first property must be"),
        ("p['caption'] = 5", "property 'caption' must be a table"),
        ("p['objects']['items']['required'] = []", "the items of property 'objects' must list"),
        ("p['a b'] = {}; s['required'] += ['a b']", "becomes a column"),
        ("p['objects']['anyOf'] = [5]", "choice 1 of property 'objects' must be a table"),
    ],
)
def test_what_the_service_would_refuse_is_named(change: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        checked_schema(changed(change))


def test_a_deep_schema_is_refused() -> None:
    schema = copy.deepcopy(GOOD)
    node = schema["properties"]["objects"]
    for _ in range(5000):
        node["items"] = {}
        node = node["items"]
    with pytest.raises(ValueError, match="nested deeper"):
        checked_schema(schema)
