from __future__ import annotations

import json

import pytest

from pipeline.core.answer_schema import AnswerSchema
from pipeline.core.structured import Structured, read_structured

FIELDS = AnswerSchema(("caption", "tags"))
PLAIN = '{"caption": "A {cat}.", "tags": ["cat"]}'


def test_a_plain_answer_is_not_flagged() -> None:
    assert read_structured(PLAIN, FIELDS, 2) == Structured("A {cat}.", {"tags": ["cat"]})


@pytest.mark.parametrize(
    "text",
    [
        f"```json\n{PLAIN}\n```", f"```\n{PLAIN}```", f"Here is the JSON: {PLAIN}",
        f"Sure!\n\n```json\n{PLAIN}\n```\nAnything else?", json.dumps(PLAIN),
    ],
)  # fmt: skip
def test_json_in_a_wrapping_is_read_and_flagged(text: str) -> None:
    assert read_structured(text, FIELDS, 2) == Structured(
        "A {cat}.", {"tags": ["cat"]}, unwrapped=True
    )
    assert read_structured(text, FIELDS, 1).fault


@pytest.mark.parametrize("text", ["A cat.", f"Two: {PLAIN} and {PLAIN}", "{", "} {", "```json\n{"])
def test_what_is_no_json_is_broken_and_kept(text: str) -> None:
    answer = read_structured(text, FIELDS, 2)
    assert "broken" in answer.fault
    assert answer.caption == text


def test_the_first_rules_convert_nothing_and_break_at_raw_newlines() -> None:
    root = {"properties": {"caption": {"type": "string"}, "n": {"type": "integer"}}}
    schema = AnswerSchema.of(root)
    assert read_structured('{"caption": "A", "n": "3"}', schema, 1).fields == {"n": "3"}
    assert read_structured('{"caption": "A", "n": "3"}', schema, 2).fields == {"n": 3}
    for text in ('{"caption": "A\nB", "n": 3}', '{"caption": "A", "n": NaN}'):
        assert "broken" in read_structured(text, schema, 1).fault
    assert read_structured('{"caption": "A\nB", "n": 3}', schema, 2) == Structured("A\nB", {"n": 3})
