from __future__ import annotations

from typing import Any

from pipeline.core.answer import judge_line
from pipeline.core.online import answer_line
from pipeline.core.streamed import StreamedAnswer
from pipeline.records import Answer


def chunk(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def judged(streamed: StreamedAnswer) -> Answer:
    found = judge_line(answer_line("one", 200, None, streamed.body()).rstrip())
    assert isinstance(found, Answer)
    return found


def test_pieces_are_one_answer() -> None:
    streamed = StreamedAnswer()
    usage = {"prompt_tokens": 9, "completion_tokens": 2}
    chunks = [
        chunk(role="assistant", content=""), chunk(content="a "), chunk(content="cat"),
        chunk("stop"), {"choices": [], "usage": usage},
    ]  # fmt: skip
    assert [piece for c in chunks for piece in streamed.take(c)] == ["a ", "cat"]
    found = judged(streamed)
    assert (found.outcome, found.caption, found.model) == ("captioned", "a cat", "m")
    assert found.usage is not None
    assert found.usage.prompt == 9


def test_a_refusal_and_a_cut_off_answer_are_what_they_are_without_a_stream() -> None:
    streamed = StreamedAnswer()
    assert list(streamed.take(chunk(refusal="I "))) == []
    assert list(streamed.take(chunk("stop", refusal="won't"))) == []
    assert (judged(streamed).outcome, judged(streamed).reason) == ("refused", "I won't")
    cut = StreamedAnswer()
    list(cut.take(chunk("length", content="a")))
    assert judged(cut).outcome == "length"


def test_odd_chunks_are_passed_over() -> None:
    streamed = StreamedAnswer()
    for odd in ({}, {"choices": None}, {"choices": [{"delta": None}]}):
        assert list(streamed.take(odd)) == []
    assert judged(streamed).outcome == "empty"
