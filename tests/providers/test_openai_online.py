from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from pipeline.errors import Ambiguous, DefiniteRefusal, NeedsPerson
from pipeline.providers.base import AccountRefusal, BatchOptions
from pipeline.providers.base import HttpReply as Got
from pipeline.providers.openai_online import (
    AddressRefusal,
    ModelRefusal,
    OpenAIAsk,
    OpenAIOnline,
    StreamRefused,
    WebPage,
)
from tests.providers.conftest import KEY, HttpReply, Scripted, in_haste

BODY: dict[str, Any] = {"model": "m", "messages": [], "odd_field": 1}
GOOD = {"choices": [], "usage": None}


def error(status: int, code: str | None, message: str = "no", **headers: str) -> HttpReply:
    return HttpReply({"error": {"message": message, "code": code}}, status, dict(headers))


def asked_async(options: BatchOptions) -> Got:
    async def go() -> Got:
        service = OpenAIOnline(options)
        try:
            return await service.ask(BODY)
        finally:
            await service.close()

    return asyncio.run(go())


def asked(options: BatchOptions) -> Got:
    service = OpenAIAsk(options)
    try:
        return service.ask(BODY)
    finally:
        service.close()


ways = pytest.mark.parametrize("ask", [asked_async, asked])


@ways
def test_one_post_and_the_answer_as_it_came(
    server: Scripted, options: BatchOptions, ask: Any
) -> None:
    server.script = HttpReply(b'{"choices": [] }', headers={"x-request-id": "req_1"})
    got = ask(options)
    assert (got.status, got.body, got.request_id) == (200, b'{"choices": [] }', "req_1")
    (request,) = server.requests
    assert request.path == "/v1/chat/completions"
    assert b'"odd_field":1' in request.body.replace(b" ", b"")
    assert request.headers["authorization"] == f"Bearer {KEY}"


@ways
def test_the_other_endpoint(server: Scripted, options: BatchOptions, ask: Any) -> None:
    server.script = HttpReply(GOOD)
    ask(replace(options, endpoint="/v1/responses"))
    assert server.requests[0].path == "/v1/responses"


@ways
@pytest.mark.parametrize(
    "code", ["invalid_image_url", "image_parse_error", "unsupported_parameter", None]
)
def test_a_refusal_of_this_request_is_an_answer(
    server: Scripted, options: BatchOptions, ask: Any, code: str | None
) -> None:
    server.script = error(400, code)
    assert ask(options).status == 400
    assert server.posts() == 1


@ways
@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (error(429, "rate_limit_exceeded", **{"Retry-After": "3"}), DefiniteRefusal, "429"),
        (error(429, "insufficient_quota"), AccountRefusal, "add credits"),
        (error(401, "invalid_api_key"), AccountRefusal, "check the key"),
        (error(402, None), AccountRefusal, "repair billing"),
        (error(403, None), AccountRefusal, "permissions"),
        (error(404, "model_not_found"), ModelRefusal, "another model"),
        (error(500, None), Ambiguous, "500"),
        (error(503, "server_error"), Ambiguous, "503"),
        (HttpReply(b"<html>", 400), Ambiguous, "400"),
        (
            HttpReply(b"", 307, {"Location": "https://elsewhere/"}),
            AddressRefusal,
            "redirect.*base_url",
        ),
        (HttpReply(b"404 page not found", 404), AddressRefusal, "base_url"),
        (error(404, None, "no such route"), AddressRefusal, "base_url"),
        (HttpReply(b"<p>later</p>", 429), DefiniteRefusal, "429"),
        (HttpReply(b" <!doctype html>"), WebPage, "web page.*base_url"),
        (HttpReply(GOOD, fault="drop"), Ambiguous, "no usable answer"),
        (HttpReply(GOOD, fault="reset"), Ambiguous, "no usable answer"),
        (HttpReply(GOOD, fault="cut"), Ambiguous, "no usable answer"),
        (HttpReply(GOOD, fault="hang"), Ambiguous, "no usable answer"),
    ],
)
def test_everything_else_raises_after_one_post(
    server: Scripted, options: BatchOptions, ask: Any, reply: HttpReply, kind: type, words: str
) -> None:
    server.script = reply
    with pytest.raises(kind, match=words) as caught:
        ask(in_haste(options) if reply.fault == "hang" else options)
    assert type(caught.value) is kind
    assert KEY not in str(caught.value)
    assert server.posts() == 1


INSIDE = [
    ({"code": 429, "message": "slow down"}, DefiniteRefusal),
    ({"code": "rate_limit_exceeded", "message": "no"}, DefiniteRefusal),
    ({"code": 402, "message": "Insufficient credits"}, AccountRefusal),
    ({"code": "insufficient_quota", "message": "no"}, AccountRefusal),
    ({"code": 401, "message": "no"}, AccountRefusal),
    ({"code": "model_not_found", "message": "no"}, ModelRefusal),
    ({"code": 502, "message": "Provider returned error"}, Ambiguous),
    ({"code": "server_error", "message": "no"}, Ambiguous),
    ({"message": "Something happened"}, Ambiguous),
]


@ways
@pytest.mark.parametrize(("inner", "kind"), INSIDE)
def test_an_error_that_comes_with_status_200_is_what_it_says(
    server: Scripted, options: BatchOptions, ask: Any, inner: dict[str, object], kind: type
) -> None:
    server.script = HttpReply({"error": inner, "choices": []})
    with pytest.raises(kind) as caught:
        ask(options)
    assert type(caught.value) is kind
    assert str(inner["message"]) in str(caught.value)


@ways
@pytest.mark.parametrize("code", [400, "unsupported_parameter", "invalid_image_url"])
def test_an_error_about_this_request_that_comes_with_status_200_is_its_answer(
    server: Scripted, options: BatchOptions, ask: Any, code: object
) -> None:
    server.script = HttpReply({"error": {"code": code, "message": "no"}})
    assert ask(options).status == 400


@ways
@pytest.mark.parametrize("status", [201, 202, 203, 206])
def test_an_answer_with_another_status_of_success_is_an_answer(
    server: Scripted, options: BatchOptions, ask: Any, status: int
) -> None:
    server.script = HttpReply(GOOD, status)
    got = ask(options)
    assert (got.status, json.loads(got.body)) == (200, GOOD)


@ways
def test_a_stream_that_nobody_asked_for_is_the_answer(
    server: Scripted, options: BatchOptions, ask: Any
) -> None:
    choice = {"delta": {"content": "A cat."}, "finish_reason": "stop"}
    server.script = HttpReply(f"data: {json.dumps({'choices': [choice]})}\n\n".encode())
    assert json.loads(ask(options).body)["choices"][0]["message"]["content"] == "A cat."


@ways
def test_a_text_beside_an_error_is_an_answer(
    server: Scripted, options: BatchOptions, ask: Any
) -> None:
    choice = {"message": {"content": "A cat."}, "finish_reason": "stop"}
    server.script = HttpReply({"error": {"code": 502}, "choices": [choice]})
    assert ask(options).status == 200


def test_an_answer_that_drips_ends_in_time(server: Scripted, options: BatchOptions) -> None:
    server.script = HttpReply({"choices": ["x" * 400]}, fault="drip")
    with pytest.raises(Ambiguous, match="1 s"):
        asked_async(in_haste(options))


def test_how_long_to_wait_is_kept(server: Scripted, options: BatchOptions) -> None:
    server.script = error(429, "rate_limit_exceeded", **{"Retry-After": "3"})
    with pytest.raises(DefiniteRefusal) as caught:
        asked_async(options)
    assert caught.value.retry_after == 3
    assert not isinstance(caught.value, NeedsPerson)


@ways
def test_no_connection_is_a_definite_no(options: BatchOptions, ask: Any) -> None:
    with pytest.raises(DefiniteRefusal, match=r"no connection to http://127\.0\.0\.1:9/v1"):
        ask(replace(options, base_url="http://127.0.0.1:9/v1"))


@pytest.fixture
def streaming(options: BatchOptions) -> Iterator[OpenAIAsk]:
    service = OpenAIAsk(options)
    yield service
    service.close()


def events(*chunks: str) -> HttpReply:
    body = "".join(f"data: {chunk}\n\n" for chunk in (*chunks, "[DONE]"))
    return HttpReply(body.encode(), headers={"Content-Type": "text/event-stream"})


def test_the_bytes_of_a_stream_come_as_they_are(server: Scripted, streaming: OpenAIAsk) -> None:
    server.script = events(
        '{"choices": [{"index": 0, "delta": {"content": "a "}}]}',
        '{"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 1}}',
    )
    assert b"".join(streaming.stream(BODY)) == server.script.content()
    assert b'"include_usage":true' in server.requests[0].body.replace(b" ", b"")


def test_a_stream_that_is_refused_says_why(server: Scripted, streaming: OpenAIAsk) -> None:
    server.script = error(400, "invalid_image_url", "cannot fetch")
    with pytest.raises(StreamRefused) as caught:
        list(streaming.stream(BODY))
    assert caught.value.reply.status == 400
    server.script = error(401, "invalid_api_key")
    with pytest.raises(AccountRefusal):
        list(streaming.stream(BODY))


def test_a_stream_that_breaks_off_may_have_been_billed(
    server: Scripted, streaming: OpenAIAsk
) -> None:
    server.script = HttpReply(
        events('{"choices": [{"index": 0, "delta": {"content": "a "}}]}').content(), fault="cut"
    )
    with pytest.raises(Ambiguous):
        list(streaming.stream(BODY))


def test_at_an_address_that_has_answered_a_404_is_about_the_request_or_passes(
    server: Scripted, streaming: OpenAIAsk
) -> None:
    server.script = HttpReply(GOOD)
    streaming.ask(BODY)
    server.script = error(404, "not_found", "the image is gone")
    assert streaming.ask(BODY).status == 404
    server.script = HttpReply(b"<html>", 404)
    with pytest.raises(DefiniteRefusal) as caught:
        streaming.ask(BODY)
    assert not isinstance(caught.value, NeedsPerson)


def test_a_request_that_is_too_large_is_refused_alone(
    server: Scripted, streaming: OpenAIAsk
) -> None:
    server.script = HttpReply(b"<html>413</html>", 413)
    assert streaming.ask(BODY).status == 413


@pytest.mark.parametrize(
    ("base", "words"),
    [
        ("http://h/", "which may lack /v1"),
        ("http://h/v1/v1", "which has /v1 twice"),
        ("http://h/v1", "up to and with /v1"),
    ],
)
def test_the_address_is_named_with_what_may_be_wrong(
    options: BatchOptions, base: str, words: str
) -> None:
    advice = replace(options, base_url=base).address_advice()
    assert base in advice
    assert words in advice
