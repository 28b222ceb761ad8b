"""Request bodies of both endpoints, parsed and refused as OpenAI does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from pipeline.server.families import Family, family_of, is_known
from pipeline.server.refusals import ApiError, invalid
from pipeline.server.schemas import check_strict

CHAT = "/v1/chat/completions"
RESPONSES = "/v1/responses"
ENDPOINTS = (CHAT, RESPONSES)

BACKGROUND_WINDOWS = ("soonest", "2h", "8h")
_LEAST_OUTPUT = 16  # of max_output_tokens
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_COMMON = {
    *("model", "metadata", "temperature", "top_p", "seed", "user", "safety_identifier", "store"),
    *("service_tier", "stream", "stream_options", "prompt_cache_key", "prompt_cache_options"),
    *("prompt_cache_retention", "parallel_tool_calls"),
}
_CHAT_ONLY = {
    *("messages", "max_tokens", "max_completion_tokens", "n", "response_format", "stop"),
    *("reasoning_effort", "verbosity", "frequency_penalty", "presence_penalty", "logit_bias"),
    *("logprobs", "top_logprobs"),
}
_RESPONSES_ONLY = {
    *("input", "instructions", "max_output_tokens", "text", "reasoning", "truncation"),
    *("include", "background", "background_options", "previous_response_id"),
}


@dataclass(frozen=True, slots=True)
class ImagePart:
    """Image content part: its URL (a data URL or not) and detail."""

    url: str
    detail: str


@dataclass(frozen=True, slots=True)
class ParsedRequest:
    """Request body, parsed.

    Attributes:
        model: as named by the request.
        system, prompt: the system's and the user's text.
        images: image parts of user messages, in order.
        limit: most completion tokens (reasoning included), or None.
        effort: reasoning effort in force.
        schema: the strict JSON schema of the answer, or None for plain text.
        implicit_cache: False when the request chose explicit cache breakpoints.
        flex: asked for the flex tier, which costs the batch price.
        background: answered later, and read by its id.
        window: within which a background answer comes, "" for as soon as possible.
        stream, include_usage: of an online chat request.
        digest: SHA-256 of the canonical body.
    """

    model: str
    system: str
    prompt: str
    images: tuple[ImagePart, ...]
    limit: int | None
    effort: str
    schema: Mapping[str, Any] | None
    implicit_cache: bool
    flex: bool
    background: bool
    window: str
    stream: bool
    include_usage: bool
    digest: bytes


def parse_request(endpoint: str, body: object, models: Collection[str]) -> ParsedRequest:
    """Read the body of one request to `endpoint`.

    Raises:
        Refused: with the status, code and message OpenAI uses.
    """
    if not isinstance(body, dict):
        raise invalid("We could not parse the JSON body of your request.", code=None)
    _refuse_unknown(body, _COMMON | (_CHAT_ONLY if endpoint == CHAT else _RESPONSES_ONLY))
    model = _known_model(body, models)
    family = family_of(model)
    _refuse_unsupported(body, family)
    system, prompt, images = _chat_parts(body) if endpoint == CHAT else _response_parts(body)
    effort = _effort(body, endpoint, family)
    if effort != "none" and "temperature" in body:
        raise _unsupported("temperature", f"while reasoning effort is '{effort}'.")
    cache = body.get("prompt_cache_options")
    streaming = body.get("stream_options") or {}
    return ParsedRequest(
        model=model,
        system=system,
        prompt=prompt,
        images=tuple(images),
        limit=_room(_limit(body, endpoint), endpoint, family),
        effort=effort,
        schema=_schema(body, endpoint),
        implicit_cache=not (isinstance(cache, dict) and cache.get("mode") == "explicit"),
        flex=body.get("service_tier") == "flex",
        background=body.get("background") is True,
        window=_window(body),
        stream=bool(body.get("stream")),
        include_usage=bool(isinstance(streaming, dict) and streaming.get("include_usage")),
        digest=_digest(endpoint, body),
    )


def _window(body: Mapping[str, Any]) -> str:
    """Completion window of a background response."""
    options = body.get("background_options")
    if options is None:
        return ""
    if body.get("background") is not True:
        raise invalid("'background_options' goes with 'background': true.", "background_options")
    window = options.get("completion_window") if isinstance(options, dict) else None
    if window not in BACKGROUND_WINDOWS:
        raise invalid(
            f"Invalid value: '{window}'. Supported values are: 'soonest', '2h', '8h'.",
            "background_options.completion_window",
        )
    return "" if window == "soonest" else str(window)


def _digest(endpoint: str, body: Mapping[str, Any]) -> bytes:
    try:
        canonical = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # lone surrogates or huge integers
        canonical = json.dumps(body, sort_keys=True).encode()
    return hashlib.sha256(endpoint.encode() + b"\n" + canonical).digest()


def _refuse_unknown(body: Mapping[str, Any], known: Collection[str]) -> None:
    for name in body:
        if name not in known:
            raise invalid(f"Unknown parameter: '{name}'.", name, "unknown_parameter")


def _known_model(body: Mapping[str, Any], models: Collection[str]) -> str:
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise invalid("you must provide a model parameter", "model", None)
    if model not in models:
        raise ApiError(
            404,
            f"The model `{model}` does not exist or you do not have access to it.",
            code="model_not_found",
        )
    return model


def _unsupported(name: str, why: str) -> ApiError:
    message = f"Unsupported parameter: '{name}' is not supported {why}"
    return invalid(message, name, "unsupported_parameter")


def _refuse_unsupported(body: Mapping[str, Any], family: Family) -> None:
    if family.reasoning and "max_tokens" in body:
        raise _unsupported("max_tokens", "with this model. Use 'max_completion_tokens' instead.")
    if not family.cache_writes and "prompt_cache_options" in body:
        raise _unsupported("prompt_cache_options", "with this model.")
    if body.get("n") not in (None, 1):
        raise invalid("This server gives one choice: 'n' must be 1.", "n")


def _effort(body: Mapping[str, Any], endpoint: str, family: Family) -> str:
    param = "reasoning_effort" if endpoint == CHAT else "reasoning.effort"
    reasoning = body.get("reasoning") or {}
    effort = body.get(param) if endpoint == CHAT else reasoning.get("effort")
    if effort is None:
        return family.effort
    if effort not in _EFFORTS:
        raise invalid(f"Invalid value: '{effort}'.", param)
    if not family.reasoning and (effort != "none" or is_known(family)):
        raise _unsupported(param, "with this model.")
    if family.efforts and effort not in family.efforts:
        values = ", ".join(f"'{value}'" for value in family.efforts)
        raise invalid(
            f"Unsupported value: '{param}' does not support '{effort}' with this model. Supported "
            f"values are: {values}.",
            param,
            "unsupported_value",
        )
    return str(effort)


def _limit(body: Mapping[str, Any], endpoint: str) -> int | None:
    names = ("max_completion_tokens", "max_tokens") if endpoint == CHAT else ("max_output_tokens",)
    for name in names:
        value = body.get(name)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise invalid(f"Invalid '{name}': expected an integer above 0.", name)
        return value
    return None


def _room(limit: int | None, endpoint: str, family: Family) -> int | None:
    """Limit, when it leaves room for a text."""
    if limit is None:
        return None
    if endpoint != CHAT and is_known(family) and limit < _LEAST_OUTPUT:
        message = (
            "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= "
            f"{_LEAST_OUTPUT}, but got {limit} instead."
        )
        raise invalid(message, "max_output_tokens", "integer_below_min_value")
    if limit < family.least:
        message = (
            "Could not finish the message because max_tokens or model output limit was reached. "
            "Please try again with higher max_tokens."
        )
        raise invalid(message, "max_completion_tokens", None)
    return limit


def _schema(body: Mapping[str, Any], endpoint: str) -> Mapping[str, Any] | None:
    if endpoint == CHAT:
        param, chosen = "response_format", body.get("response_format")
        inner = chosen.get("json_schema") if isinstance(chosen, dict) else None
    else:
        param, chosen = "text.format", (body.get("text") or {}).get("format")
        inner = chosen
    if chosen is None or (isinstance(chosen, dict) and chosen.get("type") == "text"):
        return None
    if not isinstance(chosen, dict) or chosen.get("type") != "json_schema":
        raise invalid(f"Unsupported value for '{param}.type'.", param)
    if not isinstance(inner, dict) or not isinstance(inner.get("name"), str):
        raise invalid(f"Missing required parameter: '{param}.name'.", param)
    return check_strict(inner.get("schema"), param, strict=bool(inner.get("strict")))


def _chat_parts(body: Mapping[str, Any]) -> tuple[str, str, list[ImagePart]]:
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise invalid("Missing required parameter: 'messages'.", "messages", None)
    return _collect(messages, "messages")


def _response_parts(body: Mapping[str, Any]) -> tuple[str, str, list[ImagePart]]:
    messages = body.get("input")
    if isinstance(messages, str):
        messages = [{"role": "user", "content": messages}]
    if not isinstance(messages, list) or not messages:
        raise invalid("Missing required parameter: 'input'.", "input", None)
    system, prompt, images = _collect(messages, "input")
    return "\n".join(filter(None, (body.get("instructions"), system))), prompt, images


def _collect(messages: list[Any], param: str) -> tuple[str, str, list[ImagePart]]:
    system: list[str] = []
    prompt: list[str] = []
    images: list[ImagePart] = []
    for index, message in enumerate(messages):
        where = f"{param}[{index}]"
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise invalid(f"Missing required parameter: '{where}.role'.", where)
        content = message.get("content")
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        if not isinstance(parts, list):
            raise invalid(f"Invalid value for 'content' in '{where}'.", f"{where}.content")
        texts = prompt if message["role"] == "user" else system
        for part in parts:
            _add_part(part, where, texts, images)
    return "\n".join(system), "\n".join(prompt), images


def _add_part(part: Any, where: str, texts: list[str], images: list[ImagePart]) -> None:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind in ("text", "input_text", "output_text") and isinstance(part.get("text"), str):
        texts.append(part["text"])
        return
    url, detail = None, None
    if kind == "image_url" and isinstance(part.get("image_url"), dict):
        url, detail = part["image_url"].get("url"), part["image_url"].get("detail")
    elif kind == "input_image":
        url, detail = part.get("image_url"), part.get("detail")
    if not isinstance(url, str):
        raise invalid(f"Invalid content part in '{where}'.", f"{where}.content")
    images.append(ImagePart(url, str(detail or "auto")))
