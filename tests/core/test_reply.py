from __future__ import annotations

from typing import Any

import pytest

from pipeline.core.reply import Reply, content_text, error_inside, has_reply, reply_in


def chat(content: Any, **choice: Any) -> dict[str, Any]:
    return {"choices": [{"message": {"content": content}, "finish_reason": "stop", **choice}]}


def test_other_parts_of_a_message_are_no_text() -> None:
    parts = [
        {"type": "thinking", "text": "hm"}, {"type": "text", "text": "a"}, "b", None,
        {"type": "reasoning", "text": "hm"}, {"text": " cat"}, {"type": "text", "text": 5},
    ]  # fmt: skip
    assert content_text(parts) == "a cat"
    assert content_text(None) == ""
    assert reply_in(chat(parts), 2) == Reply("a cat", "", "stop")


def test_the_first_rules_glue_all_parts() -> None:
    parts = [{"type": "thinking", "text": "hm "}, {"type": "text", "text": "a cat"}]
    assert reply_in(chat(parts), 1) == Reply("hm a cat", "", "stop")


def test_reasoning_beside_the_message_of_a_response_is_no_text() -> None:
    output = [
        {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "hm"}]},
        {"type": "message", "content": [{"type": "output_text", "text": "a cat"}]},
    ]
    reply = reply_in({"output": output, "status": "completed"}, 2)
    assert reply == Reply("a cat", "", "completed")


@pytest.mark.parametrize(
    "choices",
    [
        {"message": {"content": "a cat"}, "finish_reason": "stop"},
        {"0": {"message": {"content": "a cat"}, "finish_reason": "stop"}},
        [{"text": "a cat", "finish_reason": "stop"}],
    ],
)
def test_choices_in_other_clothes(choices: Any) -> None:
    assert has_reply({"choices": choices}, 2)
    assert reply_in({"choices": choices}, 2) == Reply("a cat", "", "stop")


def test_a_refusal_may_be_a_part() -> None:
    reply = reply_in(chat([{"type": "refusal", "refusal": "No."}]), 2)
    assert reply == Reply("", "No.", "stop")


def test_an_error_inside_the_choice_is_seen() -> None:
    reply = reply_in(chat("a c", error={"code": 502, "message": "gone"}), 2)
    assert reply is not None
    assert reply.error is not None
    assert (reply.text, reply.error.code, reply.error.message) == ("a c", "502", "gone")


def test_thoughts_are_taken_off() -> None:
    assert reply_in(chat("<think>hm</think>\n\na cat"), 2) == Reply(
        "a cat", "", "stop", thoughts=True
    )
    assert reply_in(chat("<think>hm</think>a cat"), 1) == Reply(
        "<think>hm</think>a cat", "", "stop"
    )


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b'{"error": {"code": 502, "message": "no"}}', "502"),
        (b'{"error": {"code": 502}, "choices": []}', "502"),
        (b'{"detail": "no"}', ""),
        (b'{"object": "error", "message": "no", "code": 40301}', "40301"),
        (b'{"choices": [{"message": {"content": "a cat"}}], "error": {"code": 502}}', None),
        (b'{"choices": [{"message": {"content": "a cat"}}], "error": null}', None),
        (b'{"choices": []}', None),
        (b"[1]", None),
        (b'{"error": ', None),
        (b"", None),
    ],
)
def test_an_error_in_place_of_a_reply(content: bytes, code: str | None) -> None:
    error = error_inside(content)
    assert (None if error is None else error.code) == code
