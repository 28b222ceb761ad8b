from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.answer import judge_line
from pipeline.core.online import (
    JournalState,
    answer_line,
    is_answer,
    is_journal_line,
    lost_line,
    sent_mark,
    void_mark,
)
from pipeline.records import Answer

BODY = {
    "model": "m",
    "choices": [{"message": {"content": "a cat"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 2},
}


def judged(line: bytes) -> Answer:
    assert line.endswith(b"\n")
    assert b"\n" not in line[:-1]
    found = judge_line(line.rstrip(b"\n"))
    assert isinstance(found, Answer)
    return found


def test_an_answer_is_read_as_the_line_of_a_batch() -> None:
    found = judged(answer_line("cm-x", 200, "req_1", json.dumps(BODY, indent=2).encode()))
    assert (found.custom_id, found.outcome, found.caption) == ("cm-x", "captioned", "a cat")
    assert (found.request_id, found.usage.prompt if found.usage else 0) == ("req_1", 5)


def test_a_refused_request_has_the_services_code() -> None:
    body = b'{"error": {"message": "bad image", "code": "image_parse_error"}}'
    found = judged(answer_line("cm-x", 400, None, body))
    assert (found.outcome, found.code, found.reason) == ("failed", "image_parse_error", "bad image")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'{"id": "chatc'])
def test_what_is_no_answer_is_a_lost_one(body: bytes) -> None:
    assert judged(answer_line("cm-x", 200, None, body)).outcome == "missing"


def test_a_lost_answer_is_missing_and_says_why() -> None:
    found = judged(lost_line("cm-x", "ReadTimeout"))
    assert (found.outcome, found.reason, found.usage) == ("missing", "ReadTimeout", None)


@given(st.text(max_size=60))
def test_captions_come_through_unchanged(text: str) -> None:
    message = {"message": {"content": text}, "finish_reason": "stop"}
    body = json.dumps({**BODY, "choices": [message]}).encode()
    found = judged(answer_line("cm-x", 200, None, body))
    assert (found.caption or "") == text


def test_a_lone_surrogate_does_not_lose_the_answer() -> None:
    body = orjson.dumps(BODY).replace(b"a cat", rb"a \ud800 cat")
    found = judged(answer_line("cm-x", 200, None, body))
    assert found.caption == "a \N{REPLACEMENT CHARACTER} cat"
    assert found.usage is not None


def test_a_journal_tells_what_may_have_had_an_effect() -> None:
    lines = [
        sent_mark("cm-a"), sent_mark("cm-b"), void_mark("cm-a"), sent_mark("cm-c"),
        answer_line("cm-b", 200, None, b"{}"), void_mark("cm-c"), sent_mark("cm-c"), b"+cm-to",
    ]  # fmt: skip
    assert JournalState.read(lines).sent == {"cm-b", "cm-c", "cm-to"}
    assert [is_answer(line) for line in lines] == [False] * 4 + [True] + [False] * 3
    assert not is_answer(b" \n")


def test_marks_and_answers_are_lines_of_a_journal_and_nothing_else_is() -> None:
    name = f"cm-{'A' * 43}-1"
    for line in (sent_mark(name), void_mark(name), lost_line(name, "gone")):
        assert is_journal_line(line.rstrip(b"\n"))
    for odd in (
        b"",
        b"+",
        b"+cm-odd",
        b"*" + name.encode(),
        b"{}",
        b'{"custom_id": "x"}',
        b"{",
        b"[]",
    ):
        assert not is_journal_line(odd)
