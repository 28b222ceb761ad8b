"""Response bodies: chat completions and responses."""

from __future__ import annotations

import json
from typing import Any

import orjson

from pipeline.server.fault_rules import LineOutcome
from pipeline.server.prices import TokenCounts
from pipeline.server.requests import CHAT
from pipeline.server.responder import ModelAnswer

FINGERPRINT = "captionmill-loopback"
"""In every answer: nothing that this server says can be mistaken for OpenAI's."""


def dumps(value: object) -> bytes:
    """JSON bytes: typographic characters raw, as the service does; lone surrogates escaped."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value).encode()


def response_body(endpoint: str, reply: ModelAnswer, name: str, now: float) -> dict[str, Any]:
    """Body of an answer; `name` makes its id."""
    make = _completion if endpoint == CHAT else _response
    body = make(reply, name, now)
    if spoiled_by(reply, "no_usage"):
        del body["usage"]
    if spoiled_by(reply, "object_choices") and "choices" in body:
        body["choices"] = body["choices"][0]
    return body


def spoiled_by(reply: ModelAnswer, outcome: LineOutcome) -> bool:
    """Tell whether the fault plan spoils this answer so."""
    return reply.fault is not None and reply.fault.outcome == outcome


def shown_usage(reply: ModelAnswer) -> TokenCounts:
    """Tokens that the body tells, which the bill may know better."""
    return TokenCounts(0, 0) if spoiled_by(reply, "zero_usage") else reply.usage


def shown_ending(reply: ModelAnswer) -> str | None:
    """Finish_reason that the body tells."""
    return None if spoiled_by(reply, "no_ending") else reply.finish


def _completion(reply: ModelAnswer, name: str, now: float) -> dict[str, Any]:
    message = {"role": "assistant", "content": reply.text, "refusal": reply.refusal}
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": shown_ending(reply),
    }
    return {
        "id": f"chatcmpl-{name}",
        "object": "chat.completion",
        "created": int(now),
        "model": reply.request.model,
        "choices": [choice],
        "usage": completion_usage(shown_usage(reply)),
        "system_fingerprint": FINGERPRINT,
    }


def completion_usage(usage: TokenCounts) -> dict[str, Any]:
    """`usage` of a chat completion."""
    return {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "total_tokens": usage.prompt + usage.completion,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached,
            "cache_write_tokens": usage.cache_write,
            "audio_tokens": 0,
        },
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning, "audio_tokens": 0},
    }


def response_usage(usage: TokenCounts) -> dict[str, Any]:
    """`usage` of a response."""
    return {
        "input_tokens": usage.prompt,
        "input_tokens_details": {
            "cached_tokens": usage.cached,
            "cache_write_tokens": usage.cache_write,
        },
        "output_tokens": usage.completion,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.prompt + usage.completion,
    }


def _response(reply: ModelAnswer, name: str, now: float) -> dict[str, Any]:
    completed = reply.finish == "stop"
    reasons = {"length": "max_output_tokens", "content_filter": "content_filter"}
    return {
        "id": f"resp_{name}",
        "object": "response",
        "created_at": int(now),
        "status": "completed" if completed else "incomplete",
        "error": None,
        "incomplete_details": None if completed else {"reason": reasons[reply.finish]},
        "model": reply.request.model,
        "output": _output_items(reply, name, completed=completed),
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": response_usage(shown_usage(reply)),
        "metadata": {"server": FINGERPRINT},
    }


def _output_items(reply: ModelAnswer, name: str, *, completed: bool) -> list[dict[str, Any]]:
    if reply.refusal is not None:
        part: dict[str, Any] = {"type": "refusal", "refusal": reply.refusal}
    elif reply.text:
        part = {"type": "output_text", "text": reply.text, "annotations": []}
    else:
        return []
    status = "completed" if completed else "incomplete"
    item = {"id": f"msg_{name}", "type": "message", "role": "assistant", "status": status}
    return [{**item, "content": [part]}]
