"""Fields of an answer against its schema."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.errors import UsageError
from pipeline.review.fields import check_fields

SCHEMA = {
    "type": "object",
    "properties": {
        "caption": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "people": {"type": "integer"},
        "share": {"type": ["number", "null"]},
        "indoors": {"type": "boolean"},
        "mood": {"type": "string", "enum": ["calm", "busy"]},
        "box": {
            "type": "object",
            "properties": {"x": {"type": "integer"}},
            "required": ["x"],
            "additionalProperties": False,
        },
        "one": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "only": {"const": 1},
    },
}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"tags": ["a", "b"], "people": 2, "share": None, "indoors": True, "mood": "calm"},
        {"share": 1, "box": {"x": 1}, "one": None, "only": 1},
    ],
)
def test_what_the_schema_allows(fields: dict[str, Any]) -> None:
    check_fields(fields, SCHEMA)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"tags": ["a", 1]}, "tags, entry 2 must be a text"),
        ({"tags": "a"}, "tags must be a list"),
        ({"people": 1.5}, "people must be a whole number"),
        ({"people": True}, "people must be a whole number"),
        ({"share": "x"}, "share must be a number or nothing"),
        ({"indoors": 1}, "indoors must be yes or no"),
        ({"mood": "loud"}, "mood must be one of calm, busy"),
        ({"box": {}}, "box lacks x"),
        ({"box": {"x": 1, "y": 2}}, "box has no y"),
        ({"box": {"x": "1"}}, r"box\.x must be a whole number"),
        ({"one": 1}, "one must be a text"),
        ({"only": 2}, "only must be 1"),
        ({"caption": "x"}, "no field 'caption'"),
        ({"other": 1}, "no field 'other'"),
    ],
)
def test_what_it_does_not_is_named(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        check_fields(fields, SCHEMA)


def test_plain_text_has_no_fields() -> None:
    check_fields({}, None)
    with pytest.raises(UsageError):
        check_fields({"tags": []}, None)
