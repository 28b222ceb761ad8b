from __future__ import annotations

from typing import Any

import pytest

from pipeline.server.refusals import ApiError
from pipeline.server.requests import CHAT, RESPONSES, ParsedRequest, parse_request
from tests.server.support import chat_body

_MODELS = {"gpt-6-luna", "gpt-5.4-mini", "gpt-4.1-mini"}
_SCHEMA = {
    "type": "object",
    "properties": {"caption": {"type": "string"}},
    "required": ["caption"],
    "additionalProperties": False,
}


def _chat(**changes: Any) -> ParsedRequest:
    return parse_request(CHAT, chat_body(**changes), _MODELS)


def _respond(**changes: Any) -> ParsedRequest:
    body = {"model": "gpt-6-luna", "input": "hello", "reasoning": {"effort": "none"}, **changes}
    return parse_request(RESPONSES, body, _MODELS)


def test_a_chat_body() -> None:
    request = _chat(max_completion_tokens=50, service_tier="flex", temperature=0.2)
    assert (request.model, request.prompt, request.system) == ("gpt-6-luna", "describe", "")
    assert (request.limit, request.effort, request.flex, request.implicit_cache) == (
        50,
        "none",
        True,
        True,
    )
    assert request.images[0].detail == "low"
    assert request.images[0].url.startswith("data:image/png;base64,")


def test_roles_and_parts() -> None:
    messages = [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "one"},
        {"role": "user", "content": [{"type": "text", "text": "two"}]},
    ]
    request = _chat(messages=messages)
    assert (request.system, request.prompt, request.images) == ("be brief", "one\ntwo", ())


def test_a_responses_body() -> None:
    content = [
        {"type": "input_text", "text": "what is it"},
        {"type": "input_image", "image_url": "data:x", "detail": "high"},
    ]
    text = {"format": {"type": "json_schema", "name": "n", "strict": True, "schema": _SCHEMA}}
    request = _respond(
        instructions="be brief",
        input=[{"role": "user", "content": content}],
        max_output_tokens=19,
        text=text,
    )
    assert (request.system, request.prompt, request.limit) == ("be brief", "what is it", 19)
    assert request.images[0].detail == "high"
    assert request.schema == _SCHEMA


def test_a_url_in_the_text_is_no_image() -> None:
    request = _chat(messages=[{"role": "user", "content": "see https://example.org/cat.jpg"}])
    assert request.images == ()


def test_strict_schema_and_text_format() -> None:
    chosen = {"type": "json_schema", "json_schema": {"name": "n", "strict": True}}
    chosen["json_schema"]["schema"] = _SCHEMA  # type: ignore[index]
    assert _chat(response_format=chosen).schema == _SCHEMA
    assert _chat(response_format={"type": "text"}).schema is None


def test_explicit_cache_and_stream_options() -> None:
    request = _chat(
        prompt_cache_options={"mode": "explicit"},
        stream=True,
        stream_options={"include_usage": True},
    )
    assert (request.implicit_cache, request.stream, request.include_usage) == (False, True, True)


def test_the_digest_covers_everything_and_not_the_order_of_keys() -> None:
    body = chat_body()
    turned = dict(reversed(body.items()))
    same = parse_request(CHAT, turned, _MODELS).digest
    assert parse_request(CHAT, body, _MODELS).digest == same
    assert _chat(seed=2).digest != same
    assert _chat(prompt="lone \ud800").digest != same


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"max_tokens": 5}, "unsupported_parameter", "Use 'max_completion_tokens' instead"),
        ({"reasoning_effort": "low", "temperature": 1}, "unsupported_parameter", "temperature"),
        ({"reasoning_effort": None, "temperature": 1}, "unsupported_parameter", "medium"),
        ({"reasoning_effort": "enormous"}, "invalid_value", "enormous"),
        (
            {"model": "gpt-4.1-mini", "reasoning_effort": "low"},
            "unsupported_parameter",
            "reasoning_effort",
        ),
        (
            {"model": "gpt-5.4-mini", "prompt_cache_options": {}},
            "unsupported_parameter",
            "prompt_cache_options",
        ),
        ({"model": None}, None, "model"),
        ({"detail": "low"}, "unknown_parameter", "detail"),
        ({"max_completion_tokens": 0}, "invalid_value", "above 0"),
        ({"max_completion_tokens": True}, "invalid_value", "above 0"),
        ({"n": 2}, "invalid_value", "one choice"),
        ({"messages": []}, None, "messages"),
        ({"messages": [{"content": "x"}]}, "invalid_value", "role"),
        ({"messages": [{"role": "user", "content": 3}]}, "invalid_value", "content"),
        ({"messages": [{"role": "user", "content": [{"type": "x"}]}]}, "invalid_value", "part"),
        ({"response_format": {"type": "json_object"}}, "invalid_value", "response_format"),
        ({"response_format": {"type": "json_schema"}}, "invalid_value", "name"),
    ],
)
def test_refusals(changes: dict[str, Any], code: str | None, words: str) -> None:
    with pytest.raises(ApiError, match=words) as caught:
        _chat(**changes)
    assert (caught.value.status, caught.value.code) == (400, code)


def test_an_unknown_model_is_not_found() -> None:
    with pytest.raises(ApiError, match="gpt-7") as caught:
        _chat(model="gpt-7")
    assert (caught.value.status, caught.value.code) == (404, "model_not_found")


@pytest.mark.parametrize("body", [None, [], "text"])
def test_bodies_that_are_no_objects(body: object) -> None:
    with pytest.raises(ApiError, match="JSON"):
        parse_request(CHAT, body, _MODELS)


def test_max_tokens_is_fine_for_older_models() -> None:
    request = _chat(
        model="gpt-4.1-mini", reasoning_effort=None, max_completion_tokens=None, max_tokens=7
    )
    assert (request.limit, request.effort) == (7, "none")


def test_a_responses_body_without_input() -> None:
    with pytest.raises(ApiError, match="input"):
        _respond(input=[])
