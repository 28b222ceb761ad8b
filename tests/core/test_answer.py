from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.answer import BadLine, judge_line
from pipeline.core.answer_schema import PLAIN_TEXT, SCHEMA_MISMATCH, AnswerSchema
from pipeline.core.reading_rules import ReadingRules
from pipeline.core.retry import DEFAULT_RULES, next_state, retryable_failure
from pipeline.records import Answer, Usage

USAGE = {"prompt_tokens": 300, "completion_tokens": 40, "total_tokens": 340}
SCHEMA = ("caption", "tags")


def chat(content: Any = "A cat.", finish: Any = "stop", **message: Any) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "model": "gpt-6-luna-2026-09-01",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": content, **message},
                "finish_reason": finish,
            }
        ],
        "usage": USAGE,
    }


def response(text: str = "A cat.", **changes: Any) -> dict[str, Any]:
    return {
        "object": "response",
        "status": "completed",
        "model": "gpt-6-luna",
        "output": [
            {"type": "reasoning", "summary": []},
            {"type": "message", "content": [{"type": "output_text", "text": text}]},
        ],
        "usage": {"input_tokens": 300, "output_tokens": 40},
        **changes,
    }


def raw(body: Any = None, status: Any = 200, error: Any = None, **changes: Any) -> bytes:
    answered = {"status_code": status, "request_id": "req_1", "body": body}
    line = {
        "id": "batch_req_1",
        "custom_id": "cm-1",
        "response": None if body is None else answered,
        "error": error,
        **changes,
    }
    return json.dumps(line).encode()


def judged(line: bytes, fields: tuple[str, ...] = ()) -> Answer:
    found = judge_line(line, AnswerSchema(fields))
    assert isinstance(found, Answer), found
    return found


@pytest.mark.parametrize("body", [chat(), response(), json.dumps(chat()), json.dumps(response())])
def test_a_caption(body: Any) -> None:
    found = judged(raw(body))
    assert found.outcome == "captioned"
    assert found.caption == "A cat."
    assert found.reason == ""
    assert found.usage == Usage(prompt=300, completion=40)
    assert found.request_id == "req_1"
    assert str(found.model).startswith("gpt-6-luna")
    assert found.custom_id == "cm-1"


def test_captions_are_kept_to_the_letter() -> None:
    text = '  “Ünï”\u2028 \u0085 \x1c "q" \\ 🐈\n\n'
    assert judged(raw(chat(text))).caption == text
    assert judged(raw(response(text))).caption == text


@pytest.mark.parametrize(
    ("body", "outcome", "caption", "code"),
    [
        (chat(None, refusal="I can't help."), "refused", None, "stop"),
        (chat("Some", "content_filter"), "filtered", "Some", "content_filter"),
        (chat(None, "content_filter"), "filtered", None, "content_filter"),
        (chat("A cat sitting on", "length"), "length", "A cat sitting on", "length"),
        (chat("", "length"), "empty", None, "length"),
        (chat(None), "empty", None, "stop"),
        (chat("  \n"), "empty", "  \n", "stop"),
        (chat([{"type": "text", "text": "A "}, {"text": "cat."}]), "captioned", "A cat.", "stop"),
        (chat({"odd": 1}), "empty", None, "stop"),
        (chat("A cat.", "eos"), "invalid", "A cat.", "unknown_ending"),
        (chat("A cat.", None), "invalid", "A cat.", "unknown_ending"),
        (chat("A cat.", "end_turn"), "captioned", "A cat.", "end_turn"),
        (chat("A cat on", "MAX_TOKENS"), "length", "A cat on", "MAX_TOKENS"),
        (chat("A cat", "SAFETY"), "filtered", "A cat", "SAFETY"),
        (chat("A cat", "RECITATION"), "filtered", "A cat", "RECITATION"),
        (chat("A cat", "error"), "failed", "A cat", "error"),
        (chat("A cat", "abort"), "failed", "A cat", "abort"),
        (chat(None, "cancelled"), "failed", None, "cancelled"),
        ({"choices": []}, "invalid", None, "200"),
        ({"choices": [5]}, "invalid", None, "200"),
        ({"choices": [{}]}, "empty", None, ""),
        ({}, "invalid", None, "200"),
        ({"nonsense": True}, "invalid", None, "200"),
        ("no json", "invalid", None, "200"),
        ([1], "invalid", None, "200"),
        (response("A cat sit", incomplete_details={"reason": "max_output_tokens"}), "length",
         "A cat sit", "length"),
        (response("", status="incomplete",
                  incomplete_details={"reason": "max_output_tokens"}), "empty", None, "length"),
        (response("x", incomplete_details={"reason": "content_filter"}), "filtered", "x",
         "content_filter"),
        (response(output=[{"content": [{"type": "refusal", "refusal": "No."}]}]), "refused", None,
         "completed"),
        (response(output=[]), "empty", None, "completed"),
        (response(output=[None, 5, {"content": "x"}]), "empty", None, "completed"),
        (response(output=[], status="failed", error={"code": "server_error", "message": "Oh."}),
         "failed", None, "server_error"),
        ({"error": {"message": "Overloaded", "type": "overloaded_error"}}, "failed", None,
         "overloaded_error"),
    ],
)  # fmt: skip
def test_answers_that_are_paid_or_look_so(
    body: Any, outcome: str, caption: str | None, code: str
) -> None:
    found = judged(raw(body))
    assert (found.outcome, found.caption, found.code) == (outcome, caption, code)
    assert bool(found.reason) == (outcome != "captioned")


def test_an_ending_that_nobody_knows_is_named_and_the_text_kept() -> None:
    found = judged(raw(chat("A cat", "eos_token")))
    assert (found.outcome, found.caption, found.ending) == ("invalid", "A cat", "eos_token")
    assert "'eos_token'" in found.reason
    assert "without an ending" in judged(raw(chat("A cat", None))).reason


@pytest.mark.parametrize(("word", "declared"), [("EOS", "eos"), ("eos ", "eos"), (None, "")])
def test_an_ending_may_be_declared_whole(word: str | None, declared: str) -> None:
    rules = ReadingRules(whole_endings=frozenset({declared}))
    found = judge_line(raw(chat("A cat.", word)), PLAIN_TEXT, rules)  # type: ignore[arg-type]
    assert isinstance(found, Answer)
    assert (found.outcome, found.caption) == ("captioned", "A cat.")


def test_a_broken_answer_is_not_taken_by_declaring_its_ending() -> None:
    found = judged(raw(chat('{"caption": "A', "eos")), SCHEMA)
    assert (found.outcome, found.code) == ("invalid", "eos")
    assert "broken" in found.reason


def test_thoughts_are_no_caption() -> None:
    found = judged(raw(chat("<think>A cat?</think>\nA cat.")))
    assert (found.outcome, found.caption) == ("captioned", "A cat.")
    assert found.flags == ("thoughts_removed",)
    assert judged(raw(chat("<think>A cat?"))).outcome == "empty"
    fenced = judged(raw(chat('<think>x</think>```json\n{"caption": "A", "tags": []}\n```')), SCHEMA)
    assert (fenced.outcome, fenced.caption) == ("captioned", "A")
    assert fenced.flags == ("thoughts_removed", "json_unwrapped")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"error": {"message": "busy", "code": 429}}, "429"),
        ({"error": {"message": "busy", "code": 503}, "choices": []}, "503"),
        ({"error": {"message": "busy", "code": 502}, **chat(None, None)}, "502"),
        ({"message": "busy", "code": 500}, "500"),
    ],
)
def test_an_error_inside_an_answer_goes_again_by_its_own_code(body: Any, code: str) -> None:
    found = judged(raw(body))
    assert (found.outcome, found.code, found.reason) == ("failed", code, "busy")
    assert retryable_failure(found.code)


def test_an_error_behind_some_text_is_a_failure_that_ran() -> None:
    for body in (
        {**chat("A ca", None), "error": {"message": "gone", "code": 502}},
        chat("A ca", "error"),
        {**chat(), "choices": [{"message": {"content": "A ca"}, "error": {"message": "gone"}}]},
    ):
        found = judged(raw(body))
        assert (found.outcome, found.caption, found.ran) == ("failed", "A ca", True)
        assert not retryable_failure(found.code)


def test_an_empty_error_beside_an_answer_is_none() -> None:
    body = {**chat(), "error": {"message": "", "type": "", "code": None}}
    assert judged(raw(body)).outcome == "captioned"


@pytest.mark.parametrize(
    "line",
    [
        {"response": chat()}, {"response": json.dumps(chat())}, chat(), {"body": chat()},
        {"response": {"body": chat()}}, {"result": chat()}, {"response": None, **chat()},
        {"response": response()}, response(), {"response": {"status_code": 200, **chat()}},
    ],
)  # fmt: skip
def test_answers_without_their_wrapping(line: dict[str, Any]) -> None:
    found = judged(json.dumps({"custom_id": "cm-1", **line}).encode())
    assert (found.outcome, found.caption) == ("captioned", "A cat.")
    assert found.usage == Usage(prompt=300, completion=40)


@pytest.mark.parametrize(
    "line",
    [
        {"result": {"type": "succeeded", "message": {"content": [{"text": "A cat."}]}}},
        {"response": None, "error": None}, {}, {"body": {"messages": []}},
    ],
)  # fmt: skip
def test_what_is_of_no_known_form_may_have_been_billed(line: dict[str, Any]) -> None:
    found = judged(json.dumps({"custom_id": "cm-1", **line}).encode())
    assert (found.outcome, found.caption, found.ran) == ("missing", None, True)


def test_the_services_own_cost_is_kept() -> None:
    usage = {**USAGE, "cost": 0.00012}
    assert judged(raw({**chat(), "usage": usage})).service_cost == 120_000


# -- older rules -----------------------------------------------------------------------------------

FIRST = ReadingRules(1)


@pytest.mark.parametrize(
    ("body", "outcome", "caption", "tokens"),
    [
        (chat("A cat", "eos"), "captioned", "A cat", 40),
        (chat("A cat", None), "captioned", "A cat", 40),
        (chat("A cat", "error"), "captioned", "A cat", 40),
        (chat("A cat", "length"), "length", "A cat", 40),
        (chat("<think>x</think>A cat"), "captioned", "<think>x</think>A cat", 40),
        (chat([{"type": "thinking", "text": "x "}, {"text": "y"}]), "captioned", "x y", 40),
        ({**chat("A"), "usage": {**USAGE, "total_tokens": 900}}, "captioned", "A", 40),
        ({**chat("A"), "error": {"code": 500}}, "captioned", "A", 40),
        ({"choices": {"message": {"content": "A"}}, "usage": USAGE}, "invalid", None, 40),
        ({"detail": "no"}, "invalid", None, None),
        ({"error": {"message": "no"}}, "failed", None, None),
    ],
)  # fmt: skip
def test_what_was_read_before_is_read_so_again(
    body: Any, outcome: str, caption: str | None, tokens: int | None
) -> None:
    found = judge_line(raw(body), PLAIN_TEXT, FIRST)
    assert isinstance(found, Answer)
    assert (found.outcome, found.caption) == (outcome, caption)
    assert (found.usage and found.usage.completion) == tokens


def test_lines_without_an_answer_failed_by_the_first_rules() -> None:
    for line in (raw(), json.dumps({"custom_id": "x", **chat()}).encode()):
        found = judge_line(line, PLAIN_TEXT, FIRST)
        assert isinstance(found, Answer)
        assert found.outcome == "failed"


# -- structured, refused ---------------------------------------------------------------------------


def test_a_refusal_keeps_its_words() -> None:
    assert judged(raw(chat(None, refusal="I can't\nhelp."))).reason == "I can't help."


@pytest.mark.parametrize(
    ("line", "outcome", "code", "again"),
    [
        (raw(error={"code": "batch_expired", "message": "Not run in time."}), "expired",
         "batch_expired", None),
        (raw(error={"code": "batch_cancelled", "message": "Cancelled."}), "cancelled",
         "batch_cancelled", None),
        (raw(error={"code": "server_error", "message": "Oh."}), "failed", "server_error", True),
        (raw(error={"code": None, "message": "Oh."}), "failed", "0", True),
        (raw(error="Oh."), "failed", "0", True),
        (raw(error=True), "failed", "0", True),
        (raw(), "missing", "0", None),
        (raw({}, 0), "missing", "0", None),
        (raw({}, 500), "failed", "500", True),
        (raw({"error": {"code": "overloaded", "message": "Oh."}}, 503), "failed", "503", True),
        (raw({"error": {"code": None, "type": "server_error"}}, "502"), "failed", "502", True),
        (raw({"error": {"code": "rate_limit_exceeded", "message": "Slow."}}, 429), "failed", "429",
         True),
        (raw({"error": {"code": "insufficient_quota", "message": "Pay."}}, 429), "failed",
         "insufficient_quota", False),
        (raw({"error": {"code": "invalid_image_format", "message": "Bad."}}, 400), "failed",
         "invalid_image_format", False),
        (raw({"error": {"code": None, "type": "invalid_request_error", "message": "Bad."}}, 400),
         "failed", "invalid_request_error", False),
        (raw({"error": "Bad."}, 404), "failed", "404", False),
        (raw(None, error={}, response={"status_code": 400, "body": None}), "failed", "400", False),
        (raw({"error": {"code": 1234, "message": "Bad."}}, 422), "failed", "422", False),
    ],
)  # fmt: skip
def test_lines_that_bring_no_caption(
    line: bytes, outcome: str, code: str, again: bool | None
) -> None:
    found = judged(line)
    assert (found.outcome, found.code) == (outcome, code)
    assert found.caption is None
    assert found.usage is None
    assert found.reason
    if again is not None:
        assert retryable_failure(found.code) is again


def test_a_paid_answer_counts_even_beside_an_error() -> None:
    found = judged(raw(chat(), error={"code": "odd", "message": "x"}))
    assert found.outcome == "captioned"
    assert judged(raw(chat(), status=None)).outcome == "captioned"
    assert judged(raw(chat(), status=None)).usage is not None


def test_a_failure_that_was_billed_says_so() -> None:
    found = judged(raw({"error": {"message": "Oh."}, "usage": USAGE}, 500))
    assert found.outcome == "failed"
    assert found.usage == Usage(prompt=300, completion=40)


def test_impossible_usage_is_said_and_not_counted() -> None:
    body = {**chat(), "usage": {"prompt_tokens": -5, "completion_tokens": 1}}
    found = judged(raw(body))
    assert found.outcome == "captioned"
    assert found.usage is None
    assert "impossible" in found.reason


# -- structured answers ----------------------------------------------------------------------------


def test_a_structured_answer_gives_its_fields() -> None:
    text = json.dumps({"caption": "A cat.", "tags": ["cat", "sofa"], "more": 1})
    for body in (chat(text), response(text)):
        found = judged(raw(body), SCHEMA)
        assert found.outcome == "captioned"
        assert found.caption == "A cat."
        assert found.fields == {"tags": ["cat", "sofa"]}


@pytest.mark.parametrize(
    ("text", "caption", "reason"),
    [
        ("A cat.", "A cat.", "broken"),
        ('{"caption": "A cat.", "tags": ["ca', "A cat.", "broken"),
        ('{"caption": "A c', '{"caption": "A c', "broken"),
        ('{"caption": "A\ncat", "tags": [', "A\ncat", "broken"),
        ('{"x": {"caption": "A cat."', '{"x": {"caption": "A cat."', "broken"),
        ('{"caption": "A cat."}', "A cat.", "lacks tags"),
        ('{"caption": " ", "tags": []}', '{"caption": " ", "tags": []}', "missing or empty"),
        ('{"caption": 5, "tags": []}', '{"caption": 5, "tags": []}', "missing or empty"),
        ('{"tags": []}', '{"tags": []}', "missing or empty"),
        ('["caption"]', '["caption"]', "no object"),
        ('{"caption": "A", "tags": ' + "[" * 70 + "]" * 70 + "}", "A", "nested"),
        ('{"caption": "A", "tags": ' + "[" * 100_000, "A", "nested"),
    ],
)
def test_an_answer_that_breaks_the_schema_is_invalid_and_kept(
    text: str, caption: str, reason: str
) -> None:
    found = judged(raw(chat(text)), SCHEMA)
    assert found.outcome == "invalid"
    assert found.caption == caption
    assert reason in found.reason
    assert found.usage is not None


TYPED = AnswerSchema.of(
    {
        "properties": {
            "caption": {"type": "string"},
            "count": {"type": "integer"},
            "mood": {"type": "string", "enum": ["glad", "sad"]},
            "score": {"type": "number"},
        }
    }
)


@pytest.mark.parametrize(
    ("changes", "fields", "reason"),
    [
        ({}, {}, ""),
        ({"count": "3"}, {}, ""),
        ({"count": 3.7}, {"count": 3.7}, "count: 3.7 is not an integer"),
        ({"mood": "angry"}, {"mood": "angry"}, 'mood: "angry" is none of glad, sad'),
        ({"score": float("nan")}, {"score": "NaN"}, 'score: "NaN" is not a number'),
        ({"mood": "so\nso"}, {"mood": "so\nso"}, "mood"),
    ],
)
def test_no_value_of_a_structured_answer_vanishes(
    changes: dict[str, Any], fields: dict[str, Any], reason: str
) -> None:
    text = json.dumps({"caption": "A cat.", "count": 3, "mood": "glad", "score": 0.5, **changes})
    text = text.replace("\\n", "\n")  # a raw newline, as small models write it
    answer = judge_line(raw(chat(text)), TYPED)
    assert isinstance(answer, Answer)
    assert answer.fields == {"count": 3, "mood": "glad", "score": 0.5, **fields}
    assert answer.caption == "A cat."
    assert reason in answer.reason
    assert answer.outcome == ("invalid" if reason else "captioned")
    assert (answer.code == SCHEMA_MISMATCH) is bool(reason)


def test_fields_that_the_schema_does_not_have_are_said() -> None:
    text = json.dumps({"caption": "A cat.", "tags": [], "certainty": 0.9})
    answer = judged(raw(chat(text)), SCHEMA)
    assert answer.outcome == "captioned"
    assert answer.reason == "the answer also holds certainty: 0.9"


def test_a_structured_answer_that_was_cut_keeps_its_whole_caption() -> None:
    found = judged(raw(chat('{"caption": "A \\"big\\" cat.", "ta', "length")), SCHEMA)
    assert found.outcome == "length"
    assert found.caption == 'A "big" cat.'


def test_a_refusal_under_a_schema_stays_a_refusal() -> None:
    assert judged(raw(chat(None, refusal="No.")), SCHEMA).outcome == "refused"
    assert judged(raw(chat("")), SCHEMA).outcome == "empty"


# -- lines that are damaged ------------------------------------------------------------------------


def test_damage_beside_the_caption_does_not_cost_the_caption() -> None:
    good = raw(chat("A CAT."))
    for damaged in (
        good.replace(b"A CAT.", b"A \\ud800 CAT."),
        good.replace(b"A CAT.", b"A \xff CAT."),
    ):
        found = judged(damaged)
        assert found.outcome == "captioned"
        assert found.caption == "A \ufffd CAT."
    assert judged(good.replace(b"A CAT.", b"A \\u0000 CAT.")).caption == "A \0 CAT."
    for damaged in (
        good.replace(b'"index": 0', b'"index": NaN'),
        good.replace(b'"index": 0', b'"index": ' + b"9" * 10_000),
        b"\xef\xbb\xbf" + good,
    ):
        assert judged(damaged).caption == "A CAT."


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[]", "not an object"),
        (b"null", "not an object"),
        (b"{}", "no custom_id"),
        (b'{"custom_id": 5}', "no custom_id"),
        (b'{"custom_id": ""}', "no custom_id"),
        (b'{"custom_id": "a", "x": ' + b"[" * 100_000, "nested too deeply"),
    ],
)
def test_lines_that_belong_to_nobody(line: bytes, reason: str) -> None:
    found = judge_line(line)
    assert isinstance(found, BadLine)
    assert reason in found.reason


def _check(line: bytes) -> None:
    for fields in ((), SCHEMA):
        found = judge_line(line, AnswerSchema(fields))
        if isinstance(found, BadLine):
            assert found.reason
            continue
        text = json.dumps([found.caption, dict(found.fields), found.reason, found.code])
        assert "NaN" not in text or "NaN" in (found.caption or "") + found.reason + found.code
        for word in (found.custom_id, found.caption or "", found.reason, found.code):
            word.encode()
            assert "\0" not in word
        assert found.reason.isprintable()
        assert found.code.isprintable()
        assert found.outcome == "captioned" or found.reason


@given(st.binary(max_size=300))
def test_any_bytes_are_judged(line: bytes) -> None:
    _check(line)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["length", "content_filter", "failed", '{"caption": "x"}', 200, 429, 500]),
    lambda below: st.lists(below, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["choices", "output", "message", "content", "text", "refusal", "finish_reason", "usage",
             "status", "error", "code", "type", "incomplete_details", "reason", "prompt_tokens",
             "input_tokens", "completion_tokens", "prompt_tokens_details", "cached_tokens"]
        ),
        below,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@given(_json, _json, _json)
def test_any_json_is_judged(body: Any, status: Any, error: Any) -> None:
    line = {"custom_id": "x", "response": {"status_code": status, "body": body}, "error": error}
    _check(json.dumps(line).encode())
    _check(json.dumps({"custom_id": "x", "response": body, "error": error}).encode())


def test_seeded_damage_to_real_lines() -> None:
    seeds = [raw(chat()), raw(response()), raw(chat(json.dumps({"caption": "x", "tags": []})))]
    chance = random.Random(20261122)
    for _ in range(4000):
        line = bytearray(chance.choice(seeds))
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(line))
            match chance.randrange(4):
                case 0:
                    line[at] = chance.randrange(256)
                case 1:
                    del line[at : at + chance.randint(1, 20)]
                case 2:
                    line[at:at] = chance.choice(
                        [b"\0", b"NaN", b'"', b"{", b"\\ud800", b"-", b"9" * 30]
                    )
                case _:
                    line[at:at] = line[at : at + 30]
            line = line or bytearray(b"{")
        _check(bytes(line))


@pytest.mark.parametrize(
    "error",
    [None, "", "null", 0, [], {}, {"code": 0}, {"code": "0", "message": ""},
     {"code": None, "message": "None", "type": "nil"}, {"error": {"message": ""}}],
)  # fmt: skip
@pytest.mark.parametrize(
    "response",
    [None, {}, {"status_code": 0, "body": None}, {"status_code": 200, "body": None},
     {"status_code": 200, "body": {}}, {"status_code": None, "body": {}}],
)  # fmt: skip
def test_an_error_that_says_nothing_is_no_licence_to_buy_again(error: Any, response: Any) -> None:
    line = json.dumps({"custom_id": "c-1", "response": response, "error": error}).encode()
    answer = judged(line)
    assert answer.ran
    assert answer.outcome == ("invalid" if (response or {}).get("status_code") else "missing")
    assert next_state(answer.outcome, answer.code, 1, DEFAULT_RULES, answer.reason) == "done"
