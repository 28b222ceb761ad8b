from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.server.bodies import FINGERPRINT, dumps, response_body
from pipeline.server.fault_rules import LineOutcome
from pipeline.server.faults import LineFault
from pipeline.server.prices import TokenCounts
from pipeline.server.requests import CHAT, RESPONSES, parse_request
from pipeline.server.responder import ModelAnswer
from tests.server.support import MODEL, chat_body

_USAGE = TokenCounts(prompt=10, completion=5, cached=3, cache_write=2, reasoning=1)


def _reply(
    text: str | None = "a cat", refusal: str | None = None, finish: str = "stop"
) -> ModelAnswer:
    options = {"stream": True, "stream_options": {"include_usage": True}}
    request = parse_request(CHAT, chat_body(**options), {MODEL})
    return ModelAnswer(request, text, refusal, finish, _USAGE, None)


def test_separators_stay_raw_and_surrogates_are_escaped() -> None:
    assert dumps("x\u2028y") == '"x\u2028y"'.encode()
    assert dumps("\ud800") == b'"\\ud800"'
    assert dumps({"n": 10**30}) == b'{"n": 1000000000000000000000000000000}'


def test_a_chat_completion() -> None:
    body = response_body(CHAT, _reply(), "n1", 7.9)
    assert body["id"] == "chatcmpl-n1"
    assert body["created"] == 7
    assert body["system_fingerprint"] == FINGERPRINT
    assert body["choices"][0]["message"]["content"] == "a cat"
    assert body["usage"]["total_tokens"] == 15
    assert body["usage"]["prompt_tokens_details"]["cache_write_tokens"] == 2
    assert body["usage"]["completion_tokens_details"]["reasoning_tokens"] == 1


@pytest.mark.parametrize(
    ("reply", "status", "kinds"),
    [
        (_reply(), "completed", ["output_text"]),
        (_reply(None, "no"), "completed", ["refusal"]),
        (_reply("a c", finish="length"), "incomplete", ["output_text"]),
        (_reply("", finish="length"), "incomplete", []),
        (_reply(None, finish="content_filter"), "incomplete", []),
    ],
)
def test_a_response(reply: ModelAnswer, status: str, kinds: list[str]) -> None:
    body = response_body(RESPONSES, reply, "n1", 7.9)
    assert body["status"] == status
    assert [item["content"][0]["type"] for item in body["output"]] == kinds
    assert body["usage"]["input_tokens_details"] == {"cached_tokens": 3, "cache_write_tokens": 2}
    assert (body["incomplete_details"] is None) == (status == "completed")


def _spoiled(outcome: LineOutcome) -> ModelAnswer:
    return replace(_reply(), fault=LineFault(outcome=outcome))


@pytest.mark.parametrize("endpoint", [CHAT, RESPONSES])
def test_bodies_without_usage_and_with_zeros(endpoint: str) -> None:
    assert "usage" not in response_body(endpoint, _spoiled("no_usage"), "n1", 7.0)
    assert response_body(endpoint, _spoiled("zero_usage"), "n1", 7.0)["usage"]["total_tokens"] == 0


def test_an_answer_without_an_ending_and_with_an_object_of_choices() -> None:
    (choice,) = response_body(CHAT, _spoiled("no_ending"), "n1", 7.0)["choices"]
    assert choice["finish_reason"] is None
    body = response_body(CHAT, _spoiled("object_choices"), "n1", 7.0)
    assert body["choices"]["message"]["content"] == "a cat"
