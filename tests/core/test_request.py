from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ConfigDict, TypeAdapter, with_config

from pipeline.core.identity import hash_of
from pipeline.core.request import RequestSpec, body, build_line, data_url, line, line_of
from pipeline.core.url_image import addressed_image
from pipeline.errors import UsageError

SCHEMA = {
    "type": "object",
    "properties": {"caption": {"type": "string"}, "tags": {"type": "array"}},
    "required": ["caption", "tags"],
    "additionalProperties": False,
}
ENDPOINTS = ["/v1/chat/completions", "/v1/responses"]


def spec(endpoint: str = ENDPOINTS[0], **options: Any) -> RequestSpec:
    return RequestSpec(**{"model": "gpt-6-luna", "endpoint": endpoint, "system": "Say.", **options})


FULL = {
    "schema": SCHEMA,
    "temperature": 0.2,
    "reasoning_effort": "none",
    "explicit_cache": True,
    "service_tier": "flex",
    "body_extras": {"top_p": 0.9},
}
_texts = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@given(system=_texts, user=_texts, custom_id=_texts, image=st.binary(max_size=50))
def test_a_line_is_its_object_and_one_line(
    endpoint: str, system: str, user: str, custom_id: str, image: bytes
) -> None:
    asked = spec(endpoint, system=system, **FULL)
    encoded = base64.b64encode(image)
    raw = b"".join(build_line(asked, custom_id, user, "image/png", encoded))
    assert raw.count(b"\n") == 1
    assert raw.endswith(b"}\n")
    url = data_url("image/png", encoded)
    assert json.loads(raw) == line(asked, custom_id, user, url)
    assert json.loads(raw)["body"] == body(asked, user, url)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize(
    "url", ['https://example.org/a"b\\.png?x=1&y=%20', "https://a.b/" + "c" * 4000]
)
def test_an_address_is_sent_as_it_is(endpoint: str, url: str) -> None:
    asked = spec(endpoint, **FULL)
    raw = b"".join(line_of(asked, "id", "text", addressed_image(url)))
    assert json.loads(raw) == line(asked, "id", "text", url)
    assert raw.endswith(b"}\n")
    assert raw.count(b"\n") == 1


def test_the_image_bytes_are_passed_through() -> None:
    encoded = base64.b64encode(b"x" * 1000)
    assert any(part is encoded for part in build_line(spec(), "id", "t", "image/jpeg", encoded))


def test_the_same_line_is_the_same_bytes() -> None:
    def made() -> bytes:
        return b"".join(build_line(spec(**FULL), "id", "text", "image/jpeg", b"QUJD"))

    assert made() == made()


def test_texts_that_look_like_marks_stay_texts() -> None:
    asked = spec(system="\0\0\0", body_extras={"metadata": {"x": "\0"}})
    raw = b"".join(build_line(asked, "\0", "\0", "image/jpeg", b"QUJD"))
    assert json.loads(raw) == line(asked, "\0", "\0", data_url("image/jpeg", b"QUJD"))


def test_a_chat_body() -> None:
    assert body(spec(), "Describe.", "data:x") == {
        "model": "gpt-6-luna",
        "messages": [
            {"role": "system", "content": "Say."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Describe."},
                    {"type": "image_url", "image_url": {"url": "data:x", "detail": "high"}},
                ],
            },
        ],
        "max_completion_tokens": 120,
    }


def test_a_responses_body() -> None:
    made = body(spec(ENDPOINTS[1], **FULL), "Describe.", "data:x")
    assert made["instructions"] == "Say."
    assert made["max_output_tokens"] == 120
    assert made["reasoning"] == {"effort": "none"}
    assert made["input"][0]["content"][1] == {
        "type": "input_image",
        "image_url": "data:x",
        "detail": "high",
    }
    assert made["text"]["format"]["schema"] == SCHEMA
    assert made["store"] is False


def test_other_services_have_another_word_for_the_limit() -> None:
    made = body(spec(max_tokens_parameter="max_tokens"), "t", "u")
    assert made["max_tokens"] == 120
    assert "max_completion_tokens" not in made


def test_only_what_is_asked_for_is_sent() -> None:
    plain = body(spec(system=""), "t", "u")
    assert set(plain) == {"model", "messages", "max_completion_tokens"}
    assert [message["role"] for message in plain["messages"]] == ["user"]
    assert set(body(spec(ENDPOINTS[1], system=""), "t", "u")) == {
        "model", "input", "max_output_tokens", "store",
    }  # fmt: skip


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("options", [{}, FULL])
def test_bodies_fit_the_sdk_types(endpoint: str, options: dict[str, Any]) -> None:
    """Unknown keys are refused by these types, so nothing is sent that the API does not name."""
    from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
    from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming

    params = {
        ENDPOINTS[0]: CompletionCreateParamsNonStreaming,
        ENDPOINTS[1]: ResponseCreateParamsNonStreaming,
    }[endpoint]
    strict = TypeAdapter(with_config(ConfigDict(extra="forbid"))(params))
    made = body(spec(endpoint, **options), "Describe.", "data:image/jpeg;base64,QUJD")
    assert json.loads(json.dumps(made)) == made
    strict.validate_python(made)
    with pytest.raises(ValueError, match="nonsense"):
        strict.validate_python({**made, "nonsense": 1})


@pytest.mark.parametrize("key", ["messages", "input", "model", "stream", "n"])
def test_extras_cannot_replace_the_request(key: str) -> None:
    with pytest.raises(UsageError, match=f"body_extras may not hold {key}"):
        spec(body_extras={key: 1})


def test_extras_win_over_the_rest() -> None:
    assert (
        body(spec(temperature=1.0, body_extras={"temperature": 0.5}), "t", "u")["temperature"]
        == 0.5
    )


def test_the_identity_knows_what_shapes_the_answer_and_nothing_else() -> None:
    first = spec()
    base = hash_of(first.canonical())
    assert hash_of(spec().canonical()) == base
    for same in ({"explicit_cache": True}, {"service_tier": "flex"}):
        assert hash_of(replace(first, **same).canonical()) == base
    other = {**SCHEMA, "properties": dict(reversed(list(SCHEMA["properties"].items())))}  # type: ignore[attr-defined]
    different = [
        {"model": "x"},
        {"endpoint": ENDPOINTS[1]},
        {"system": "x"},
        {"max_completion_tokens": 1},
        {"detail": "low"},
        {"schema": SCHEMA},
        {"schema": other},
        {"temperature": 0.0},
        {"reasoning_effort": "low"},
        {"body_extras": {"top_p": 1}},
    ]
    found = {hash_of(replace(first, **change).canonical()) for change in different}
    assert len(found | {base}) == len(different) + 1
