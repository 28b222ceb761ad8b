from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.answer import judge_line
from pipeline.core.answer_body import decoded_body, needs_decoding
from pipeline.core.online import answer_line
from pipeline.core.streamed import StreamedAnswer, plain_body
from pipeline.records import Answer

BODY: dict[str, Any] = {
    "model": "m",
    "choices": [{"index": 0, "message": {"content": "Ein Café."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
}
JSON = json.dumps(BODY, ensure_ascii=False)


def event(content: str | None = None, finish: str | None = None, **more: Any) -> str:
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": finish}
    return f"data: {json.dumps({'model': 'm', 'choices': [choice], **more})}\n\n"


STREAM = event("Ein ") + event("Café.", "stop", usage=BODY["usage"])


def judged(content: bytes) -> Answer:
    answer = judge_line(answer_line("one", 200, None, plain_body(content)).rstrip(b"\n"))
    assert isinstance(answer, Answer)
    return answer


@pytest.mark.parametrize(
    "content",
    [
        JSON.encode(),
        JSON.encode("utf-8-sig"),
        JSON.encode("utf-16"),
        JSON.encode("utf-16-le"),
        JSON.encode("utf-32"),
        gzip.compress(JSON.encode()),
        gzip.compress(JSON.encode("utf-16")),
        STREAM.encode(),
        f": ping\n\nevent: message\n{STREAM}data: [DONE]\n\n".encode(),
        STREAM.replace("\n", "\r\n").encode("utf-8-sig"),
    ],
)
def test_an_answer_is_read_in_whatever_clothes_it_comes(content: bytes) -> None:
    answer = judged(content)
    assert (answer.outcome, answer.caption) == ("captioned", "Ein Café.")
    assert answer.usage is not None
    assert (answer.usage.prompt, answer.usage.completion) == (100, 10)


@pytest.mark.parametrize(
    ("content", "outcome"),
    [
        (event("Ein "), "invalid"),  # cut off
        (event("Ein ") + 'data: {"torn\n\n' + event("Café.", "stop"), "invalid"),
        (event("Ein ") + 'data: {"error": {"message": "broken"}}\n\n', "failed"),
        ("data: [DONE]\n\n", "missing"),
        (": ping\n\n", "missing"),
    ],
)
def test_a_stream_that_is_not_whole_is_no_caption(content: str, outcome: str) -> None:
    assert judged(content.encode()).outcome == outcome


@given(st.binary(max_size=300))
def test_any_bytes_give_bytes(content: bytes) -> None:
    for packed in (content, b"\x1f\x8b" + content, b"data: " + content):
        assert isinstance(plain_body(packed), bytes)


def test_many_comments_without_an_event_are_looked_through_once() -> None:
    comments = b": ping\n\n\n" * 20_000 + b"x"
    assert plain_body(comments) == comments


def test_damaged_or_endless_gzip_stays_as_it_is() -> None:
    packed = gzip.compress(JSON.encode())
    assert decoded_body(packed[:-9]) == packed[:-9]
    bomb = gzip.compress(b"\0" * (65 << 20))
    assert decoded_body(bomb) == bomb


@pytest.mark.parametrize(
    "content",
    [gzip.compress(STREAM.encode()), STREAM.encode("utf-16"), STREAM.encode("utf-16-be")],
)
@pytest.mark.parametrize("size", [1, 3, 4, 7, 10_000])
def test_a_stream_in_other_clothes_is_read_at_its_end(content: bytes, size: int) -> None:
    assert needs_decoding(content[:4])
    answer, shown = StreamedAnswer(), []
    for start in range(0, len(content), size):
        shown += answer.take(content[start : start + size])
    shown += answer.end()
    assert "".join(shown) == "Ein Café."
    assert answer.answer("one").outcome == "captioned"


def test_what_nobody_can_read_is_shown_without_its_odd_bytes() -> None:
    answer = StreamedAnswer()
    list(answer.take(b"\x00\x01\xffodd"))
    list(answer.end())
    assert answer.answer("one").reason == "the answer is no stream: ???odd"
