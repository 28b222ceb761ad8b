"""One request for one image: the JSON body, and the line of a batch file.

Bodies follow OpenAI's references of `POST /v1/chat/completions` and `POST /v1/responses`; the
tests check them against the SDK's own types. The image is a content part, never text: a URL that
is written into the text makes a model invent the caption.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from pipeline.core.json_schema import strict_schema
from pipeline.errors import UsageError
from pipeline.records import PreparedImage

Endpoint = Literal["/v1/chat/completions", "/v1/responses"]

SCHEMA_NAME = "caption"
_OURS = frozenset({"messages", "input", "model", "stream", "n"})
# No byte of JSON is zero, so this marks a place in a line without any chance of a mistake.
_MARK = orjson.Fragment(b"\0")


@dataclass(frozen=True, slots=True)
class RequestSpec:
    """Parameters that all requests of a run share.

    Attributes:
        endpoint: what is called.
        model: as the service names it.
        system: instructions; "" for none.
        max_completion_tokens: the most an answer may have, reasoning included.
        detail: how closely the model looks; always sent.
        schema: a strict JSON schema of the answer, or None for plain text.
        temperature, reasoning_effort: sent when not None.
        max_tokens_parameter: what the model calls the limit ("/v1/responses" has its own name).
        explicit_cache: send `prompt_cache_options` so that no cache write is charged.
        service_tier: sent when not None, for example "flex" (online only).
        background_window: the completion window of a background response, "" for an answer at once.
        body_extras: further fields of the body; they win over ours.

    Raises:
        UsageError: `body_extras` would replace what makes it a request for a caption.
    """

    model: str
    endpoint: Endpoint = "/v1/chat/completions"
    system: str = ""
    max_completion_tokens: int = 120
    detail: str = "high"
    schema: Mapping[str, Any] | None = None
    temperature: float | None = None
    reasoning_effort: str | None = None
    max_tokens_parameter: str = "max_completion_tokens"
    explicit_cache: bool = False
    service_tier: str | None = None
    background_window: str = ""
    body_extras: Mapping[str, Any] = field(default_factory=dict)
    _line: tuple[bytes, bytes, bytes, bytes] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        taken = sorted(_OURS & self.body_extras.keys())
        if taken:
            raise UsageError(f"body_extras may not hold {', '.join(taken)}: captionmill sets it")
        pieces = orjson.dumps(line(self, _MARK, _MARK, _MARK)).split(b"\0")
        object.__setattr__(self, "_line", tuple(pieces))

    def canonical(self) -> dict[str, object]:
        """Everything that shapes an answer, as JSON-able values: part of the spec's identity.

        How the request is processed (tier, cache) shapes the price and not the answer.
        """
        return {
            "version": 1,
            "endpoint": self.endpoint,
            "model": self.model,
            "system": self.system,
            "max_completion_tokens": self.max_completion_tokens,
            "detail": self.detail,
            "schema": None if self.schema is None else dict(self.schema),
            # canonical JSON sorts keys, but the answer's properties come in the schema's order
            "schema_order": list((self.schema or {}).get("properties", {})),
            "temperature": self.temperature,
            "reasoning_effort": self.reasoning_effort,
            "body_extras": dict(self.body_extras),
        }


TextOrMark = str | orjson.Fragment
"""A text, or the mark where one goes."""


def body(spec: RequestSpec, user_text: TextOrMark, image_url: TextOrMark) -> dict[str, Any]:
    """Build the JSON body of one request; `image_url` is an address or a data URL."""
    make = _responses_body if spec.endpoint == "/v1/responses" else _chat_body
    return {**make(spec, user_text, image_url), **spec.body_extras}


def data_url(media_type: str, base64: bytes) -> str:
    """Image as a data URL."""
    return f"data:{media_type};base64,{base64.decode('ascii')}"


def line(
    spec: RequestSpec, custom_id: TextOrMark, user_text: TextOrMark, image_url: TextOrMark
) -> dict[str, Any]:
    """One line of a batch file as an object."""
    return {
        "custom_id": custom_id,
        "method": "POST",
        "url": spec.endpoint,
        "body": body(spec, user_text, image_url),
    }


def build_line(
    spec: RequestSpec, custom_id: str, user_text: str, media_type: str, base64: bytes
) -> list[bytes]:
    """One line of a batch file, with its newline, in pieces to be written one after the other.

    `base64` is passed through as it is: base64 needs no escapes in JSON, and encoding a hundred
    kilobytes again for each image would cost more than all the rest.
    """
    head = b'%b"data:%b;base64,' % (_head(spec, custom_id, user_text), media_type.encode("ascii"))
    return [head, base64, b'"' + spec._line[3] + b"\n"]


def line_of(spec: RequestSpec, custom_id: str, user_text: str, image: PreparedImage) -> list[bytes]:
    """`build_line` for a prepared image, or with the address that is sent instead of it."""
    if not image.url:
        return build_line(spec, custom_id, user_text, image.media_type, image.base64)
    return [_head(spec, custom_id, user_text), orjson.dumps(image.url), spec._line[3] + b"\n"]


def _head(spec: RequestSpec, custom_id: str, user_text: str) -> bytes:
    before_id, before_text, before_image, _ = spec._line
    texts = (orjson.dumps(custom_id), before_text, orjson.dumps(user_text))
    return b"".join((before_id, *texts, before_image))


def _chat_body(spec: RequestSpec, user_text: TextOrMark, image_url: TextOrMark) -> dict[str, Any]:
    image = {"type": "image_url", "image_url": {"url": image_url, "detail": spec.detail}}
    user = {"role": "user", "content": [{"type": "text", "text": user_text}, image]}
    system = [{"role": "system", "content": spec.system}] if spec.system else []
    made: dict[str, Any] = {
        "model": spec.model,
        "messages": [*system, user],
        spec.max_tokens_parameter: spec.max_completion_tokens,
        **_shared(spec),
    }
    if spec.reasoning_effort is not None:
        made["reasoning_effort"] = spec.reasoning_effort
    if spec.schema is not None:
        named = {"name": SCHEMA_NAME, "strict": True, "schema": strict_schema(spec.schema)}
        made["response_format"] = {"type": "json_schema", "json_schema": named}
    return made


def _responses_body(
    spec: RequestSpec, user_text: TextOrMark, image_url: TextOrMark
) -> dict[str, Any]:
    image = {"type": "input_image", "image_url": image_url, "detail": spec.detail}
    content = [{"type": "input_text", "text": user_text}, image]
    made: dict[str, Any] = {
        "model": spec.model,
        "input": [{"role": "user", "content": content}],
        "max_output_tokens": spec.max_completion_tokens,
        "store": False,
        **_shared(spec),
    }
    if spec.background_window:  # what is not stored is gone ten minutes after its answer
        made |= {"store": True, "background": True}
        made["background_options"] = {"completion_window": spec.background_window}
    if spec.system:
        made["instructions"] = spec.system
    if spec.reasoning_effort is not None:
        made["reasoning"] = {"effort": spec.reasoning_effort}
    if spec.schema is not None:
        made["text"] = {
            "format": {
                "type": "json_schema",
                "name": SCHEMA_NAME,
                "strict": True,
                "schema": strict_schema(spec.schema),
            }
        }
    return made


def _shared(spec: RequestSpec) -> dict[str, Any]:
    shared: dict[str, Any] = {}
    if spec.temperature is not None:
        shared["temperature"] = spec.temperature
    if spec.explicit_cache:
        shared["prompt_cache_options"] = {"mode": "explicit"}
    if spec.service_tier is not None:
        shared["service_tier"] = spec.service_tier
    return shared
