from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.core.answer_schema import AnswerSchema
from pipeline.core.reasons import NO_ANSWER
from pipeline.core.streamed import StreamedAnswer
from pipeline.records import Answer, Usage

USAGE: dict[str, Any] = {
    "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2},
}  # fmt: skip
DONE = b"data: [DONE]\n\n"


def event(value: object) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def chunk(text: object = None, finish: str | None = None, **delta: object) -> dict[str, Any]:
    content = {} if text is None else {"content": text}
    choice = {"index": 0, "delta": {**content, **delta}, "finish_reason": finish}
    return {"model": "m", "choices": [choice]}


def read(*pieces: object, broken: str = "", fields: tuple[str, ...] = ()) -> tuple[str, Answer]:
    """The text as it was shown, and the answer."""
    answer = StreamedAnswer()
    shown: list[str] = []
    for piece in pieces:
        shown += answer.take(piece if isinstance(piece, bytes) else event(piece))
    shown += answer.end(broken)
    return "".join(shown), answer.answer("one", AnswerSchema(fields))


WHOLE = (
    chunk(role="assistant", content=""),
    chunk("a "),
    chunk("cat"),
    chunk(finish="stop"),
    USAGE,
)


def test_pieces_are_one_answer() -> None:
    shown, answer = read(*WHOLE, DONE)
    assert (shown, answer.outcome, answer.caption, answer.model) == (
        "a cat",
        "captioned",
        "a cat",
        "m",
    )
    assert answer.usage == Usage(prompt=9, completion=2)


@pytest.mark.parametrize("end", [(), (DONE,)])
def test_a_stream_without_an_ending_is_cut_off_also_with_done(end: tuple[bytes, ...]) -> None:
    shown, answer = read(chunk("a red circle on the"), *end)
    assert shown == answer.caption == "a red circle on the"
    assert (answer.outcome, answer.code) == ("invalid", "unknown_ending")
    assert "may be cut off" in answer.reason


def test_a_broken_connection_keeps_the_text_and_its_words() -> None:
    _, answer = read(chunk("a red"), broken="ReadError: reset")
    assert (answer.outcome, answer.caption) == ("invalid", "a red")
    assert "ReadError: reset" in answer.reason
    assert read(*WHOLE, broken="ReadError")[1].outcome == "captioned"  # it had ended


def test_an_ending_that_nobody_knows_is_named() -> None:
    _, answer = read(chunk("a cat", "because"))
    assert (answer.outcome, answer.code) == ("invalid", "unknown_ending")
    assert "'because'" in answer.reason


@pytest.mark.parametrize(
    ("finish", "outcome"),
    [("length", "length"), ("MAX_TOKENS", "length"), ("SAFETY", "filtered"), ("STOP", "captioned"),
     ("error", "failed"), ("abort", "failed")],
)  # fmt: skip
def test_endings_are_what_they_are_without_a_stream(finish: str, outcome: str) -> None:
    _, answer = read(chunk("a"), chunk(finish=finish))
    assert (answer.outcome, answer.caption) == (outcome, "a")


def test_a_refusal_comes_in_pieces() -> None:
    shown, answer = read(chunk(refusal="I "), chunk(refusal="won't", finish="stop"))
    assert (shown, answer.outcome, answer.reason) == ("", "refused", "I won't")


@pytest.mark.parametrize(
    "error",
    [
        {"error": {"message": "out of memory", "code": 500}},
        {"error": "out of memory"},
        {"object": "error", "message": "out of memory"},
        {"detail": "out of memory"},
        {"message": "out of memory"},
        b'event: error\ndata: {"message": "out of memory"}\n\n',
        b"event: error\ndata: out of memory\n\n",
        b'event: error\ndata: {"reason": "out of memory"}\n\n',
        b'data: {"error": {"message": "out of memory"}}',  # no blank line
        {"choices": [{"index": 0, "delta": {}, "error": {"message": "out of memory"}}]},
        {"model": "m", "choices": [], "error": {"message": "out of memory"}},
    ],
)  # fmt: skip
@pytest.mark.parametrize("after", [(), (chunk(finish="stop"), USAGE, DONE)])
def test_an_error_in_mid_stream_is_an_error_in_the_services_words(
    error: object, after: tuple[object, ...]
) -> None:
    if isinstance(error, bytes) and not error.endswith(b"\n"):
        after = ()
    _, answer = read(chunk("a red"), error, *after)
    assert (answer.outcome, answer.caption) == ("failed", "a red")
    assert "out of memory" in answer.reason


@pytest.mark.parametrize(
    "odd",
    [
        b"retry: 3000\n\n", b": keep-alive\n\n", b"data:\n\n", b"data: ping\n\n",
        b"event: ping\ndata: {\"type\": \"ping\"}\n\n", b"data: null\n\n", b"data: 7\n\n",
        {}, {"choices": None}, {"choices": [{"delta": None}]}, {"choices": [None]},
        {"choices": [{"index": 1, "delta": {"content": "another choice"}}]},
        chunk(reasoning_content="hm"), chunk([{"type": "thinking", "text": "hm"}]),
    ],
)  # fmt: skip
def test_odd_pieces_change_nothing(odd: object) -> None:
    shown, answer = read(odd, *WHOLE[:2], odd, *WHOLE[2:], odd, DONE)
    assert (shown, answer.outcome) == ("a cat", "captioned")
    assert answer.usage == Usage(prompt=9, completion=2)


@pytest.mark.parametrize(
    "pieces",
    [
        (chunk([{"type": "text", "text": "a "}, {"text": "cat"}]), chunk(finish="stop")),
        ({"choices": {"index": 0, "delta": {"content": "a cat"}, "finish_reason": "stop"}},),
        ({"choices": [{"text": "a cat", "finish_reason": "stop"}]},),
        ({"choices": [{"message": {"content": "a cat"}, "finish_reason": "stop"}]},),
        (b'data: {"choices": [{"delta": {"content":\n'
         b'data: "a cat"}, "finish_reason": "stop"}]}\n\n',),
        (event(chunk("a ")).rstrip() + b"\n" + event(chunk("cat", "stop")),),
    ],
)  # fmt: skip
def test_the_same_answer_in_other_clothes(pieces: tuple[object, ...]) -> None:
    shown, answer = read(*pieces)
    assert (shown, answer.outcome, answer.caption) == ("a cat", "captioned", "a cat")


def test_a_byte_that_is_no_utf8_costs_a_letter_only() -> None:
    _, answer = read(event(chunk("caf@")).replace(b"@", b"\xe9"), chunk(finish="stop"))
    assert (answer.outcome, answer.caption) == ("captioned", "caf\N{REPLACEMENT CHARACTER}")


def test_a_torn_piece_is_a_gap_unless_the_text_had_ended() -> None:
    torn = b'data: {"choices": [{"delta": {"con\n\n'
    shown, answer = read(chunk("a "), torn, chunk("cat", "stop"))
    assert (answer.outcome, answer.caption, shown) == ("invalid", "a cat", "a cat")
    assert "gap" in answer.reason
    _, late = read(*WHOLE[:4], b'data: {"usage": {"prom')
    assert (late.outcome, late.usage) == ("captioned", None)


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("head", [b"", b"\xef\xbb\xbf", b" \r\n"])
def test_a_json_answer_in_place_of_a_stream_is_the_answer(indent: int | None, head: bytes) -> None:
    choice = {"message": {"content": "a cat"}, "finish_reason": "stop"}
    body = head + json.dumps({"choices": [choice], "usage": USAGE["usage"]}, indent=indent).encode()
    for cut in range(len(body)):
        shown, answer = read(body[:cut], body[cut:])
        assert (shown, answer.outcome) == ("a cat", "captioned")
        assert answer.usage == Usage(prompt=9, completion=2)


def test_a_json_error_in_place_of_a_stream() -> None:
    _, answer = read(b'{"error": {"message": "busy", "code": 429}}')
    assert (answer.outcome, answer.code, answer.reason) == ("failed", "429", "busy")


@pytest.mark.parametrize(
    ("pieces", "words"),
    [
        ((), "ended before an answer came"),
        ((DONE,), "ended before an answer came"),
        ((b"<!doctype html><title>hi</title>",), "base_url"),
        ((b"upstream connect error",), "upstream connect error"),
    ],
)
def test_no_answer_says_what_came(pieces: tuple[bytes, ...], words: str) -> None:
    shown, answer = read(*pieces)
    assert (shown, answer.outcome, answer.code) == ("", "missing", NO_ANSWER)
    assert words in answer.reason


def test_each_cut_of_a_stream_is_whole_or_said() -> None:
    stream = b"".join(event(c) for c in WHOLE)
    ended = stream.index(b'"stop"') + len(b'"stop"')
    for cut in range(len(stream)):
        _, answer = read(stream[:cut])
        if cut < ended:
            assert answer.outcome in ("missing", "invalid")
        _, pieces = read(stream[:cut], stream[cut:], DONE)
        assert (pieces.outcome, pieces.caption) == ("captioned", "a cat")


def test_a_structured_answer_and_surrogates() -> None:
    _, answer = read(
        chunk('{"caption": "a"'), chunk(', "tags": []}', "stop"), fields=("caption", "tags")
    )
    assert (answer.caption, answer.fields, answer.outcome) == ("a", {"tags": []}, "captioned")
    _, odd = read(
        rb'data: {"choices": [{"delta": {"content": "a \ud800"}, "finish_reason": "stop"}]}'
    )
    assert (odd.outcome, odd.caption) == ("captioned", "a \N{REPLACEMENT CHARACTER}")
