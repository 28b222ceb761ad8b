from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.server.refusals import ApiError
from pipeline.server.schemas import check_strict, fill


def _object(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


_TEXT = {"type": "string"}
_TAGS = {"type": "array", "items": _TEXT}


def test_fills_by_name_and_type_in_schema_order() -> None:
    schema = _object(
        text=_TEXT,
        caption=_TEXT,
        tags=_TAGS,
        notes=_TAGS,
        kind={"type": "string", "enum": ["photo", "drawing"]},
        people={"type": "integer"},
        nsfw={"type": "boolean"},
        place={"type": ["null", "string"]},
        choice={"anyOf": [{"type": "number"}, _TEXT]},
        fixed={"const": 3},
        box=_object(x={"type": "number"}),
    )
    answer = fill(check_strict(schema, "response_format", strict=True), "a cat", ["cat"])
    assert list(answer) == list(schema["properties"])
    assert answer == {
        "text": "",
        "caption": "a cat",
        "tags": ["cat"],
        "notes": [],
        "kind": "photo",
        "people": 0,
        "nsfw": False,
        "place": None,
        "choice": 0,
        "fixed": 3,
        "box": {"x": 0},
    }


def test_without_a_known_name_the_first_string_is_the_caption() -> None:
    assert fill(_object(n={"type": "integer"}, words=_TEXT, more=_TEXT), "a cat", []) == {
        "n": 0,
        "words": "a cat",
        "more": "",
    }


def test_tags_with_a_fixed_vocabulary_stay_empty() -> None:
    schema = _object(tags={"type": "array", "items": {"type": "string", "enum": ["a"]}})
    assert fill(schema, "x", ["b"]) == {"tags": []}


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"type": "array"}, 'type: "object"'),
        ("text", 'type: "object"'),
        ({**_object(a=_TEXT), "additionalProperties": True}, "additionalProperties"),
        ({**_object(a=_TEXT), "required": []}, "required"),
        (_object(a={"type": "text"}), "'text' is not a type"),
        (_object(a={"type": "array"}), "must be an object"),
        (_object(a={"anyOf": [{"type": "what"}]}), "'what'"),
    ],
)
def test_refuses_what_strict_mode_refuses(schema: object, why: str) -> None:
    with pytest.raises(ApiError, match=why) as caught:
        check_strict(schema, "response_format", strict=True)
    assert caught.value.code == "invalid_json_schema"


def test_loose_schemas_are_taken() -> None:
    assert check_strict({"type": "object", "properties": {}}, "p", strict=False)


_LEAVES = st.sampled_from(["string", "number", "integer", "boolean", "null"]).map(
    lambda kind: {"type": kind}
)
_NODES = st.recursive(
    _LEAVES,
    lambda inner: (
        st.builds(lambda items: {"type": "array", "items": items}, inner)
        | st.dictionaries(st.text(max_size=5), inner, max_size=4).map(lambda d: _object(**d))
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=5), _NODES, max_size=5))
def test_every_strict_schema_gets_an_answer_with_its_keys(properties: dict[str, Any]) -> None:
    schema = check_strict(_object(**properties), "p", strict=True)
    answer = json.loads(json.dumps(fill(schema, "caption", ["tag"])))
    assert list(answer) == list(properties)
