from __future__ import annotations

from pipeline.core.answer_schema import PLAIN_TEXT, AnswerSchema

SCHEMA = AnswerSchema.of(
    {
        "type": "object",
        "properties": {
            "caption": {"type": "string"},
            "mood": {"enum": ["glad", "sad"]},
            "count": {"type": "integer"},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
    }
)


def test_fields_come_in_the_types_and_the_order_of_the_schema() -> None:
    fitted = SCHEMA.fitted({"tags": "a", "count": "3", "mood": "glad"})
    assert fitted.values == {"mood": "glad", "count": 3, "tags": ["a"]}
    assert list(fitted.values) == ["mood", "count", "tags"]
    assert (fitted.mismatch, fitted.extra) == ("", "")


def test_what_does_not_fit_stays_and_is_named() -> None:
    fitted = SCHEMA.fitted({"mood": "angry", "count": 3.7, "tags": ["a"]})
    assert fitted.values == {"mood": "angry", "count": 3.7, "tags": ["a"]}
    assert fitted.mismatch == 'mood: "angry" is none of glad, sad; count: 3.7 is not an integer'


def test_what_the_schema_does_not_have_is_named() -> None:
    fitted = SCHEMA.fitted({"mood": "sad", "certainty": 0.9})
    assert (fitted.values, fitted.extra) == ({"mood": "sad"}, "certainty: 0.9")


def test_a_schema_of_names_alone_takes_any_value() -> None:
    named = AnswerSchema(("caption", "count"))
    assert named.fitted({"count": "3"}).values == {"count": "3"}
    assert PLAIN_TEXT.fields == AnswerSchema.of(None).fields == ()
