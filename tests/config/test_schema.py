from __future__ import annotations

import copy
import enum
import json
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

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
        ("p['caption'] = 5", "#/properties/caption must be a table"),
        ("p['caption']['type'] = ['string', 'null']", "the first property must be"),
        ("p['objects']['items']['required'] = []", "#/properties/objects/items must list in"),
        ("p['a b'] = {'type': 'null'}; s['required'] += ['a b']", "becomes a column"),
        ("p['objects']['anyOf'] = [5]", "#/properties/objects/anyOf/0 must be a table"),
        ("p['objects']['anyOf'] = []", "has anyOf, which must be a list"),
        ("del p['objects']['items']", "#/properties/objects is an array without items"),
        ("p['objects']['items'] = {}", "#/properties/objects/items has no type"),
        ("p['objects']['items'] = {'type': 'object'}", "items must have additionalProperties"),
        ("p['objects'] = {'oneOf': [{'type': 'null'}]}", "has oneOf, which .* write anyOf"),
        ("p['objects'] = {'allOf': [{'type': 'null'}]}", "has allOf"),
        ("p['objects'] = {'type': 'text'}", "has a type that is none: text"),
        ("p['objects'] = {'type': []}", "has a type that is none: an empty list"),
        ("p['objects'] = {'enum': []}", "has enum, which must be a list"),
        ("p['objects'] = {'$ref': '#/$defs/No'}", "refers to '#/[$]defs/No', which is not there"),
        (
            "p['objects'] = {'$ref': '#/$defs/A'}; s['$defs'] = {'A': {'$ref': '#/$defs/A'}}",
            "refer",
        ),
        ("s['$defs'] = {'A': {'type': 'array'}}", "#/[$]defs/A is an array without items"),
        ("s['anyOf'] = [{'type': 'null'}]", "the root must not have anyOf"),
    ],
)
def test_what_the_service_would_refuse_is_named(change: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        checked_schema(changed(change))


def test_a_deep_schema_is_refused() -> None:
    schema = copy.deepcopy(GOOD)
    node = schema["properties"]["objects"]
    for _ in range(5000):
        node.update({"type": "array", "items": {}})
        node = node["items"]
    with pytest.raises(ValueError, match="nested deeper"):
        checked_schema(schema)


def test_a_schema_as_pydantic_writes_it_is_taken() -> None:
    class Kind(enum.StrEnum):
        PHOTO = "photo"
        ART = "art"

    class Thing(BaseModel):
        model_config = ConfigDict(extra="forbid")
        name: str
        parts: list[Thing]

    class Seen(BaseModel):
        model_config = ConfigDict(extra="forbid")
        caption: str
        kind: Annotated[Kind, Field(description="Of which kind.")]
        colour: str | None
        count: int | None
        form: Literal["round", "square"]
        things: list[Thing]

    schema = Seen.model_json_schema()
    assert "$defs" in schema
    assert checked_schema(schema) is schema
