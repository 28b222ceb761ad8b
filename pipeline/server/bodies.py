"""Response bodies: chat completions (plain and as a stream) and responses."""

from __future__ import annotations

import json
from typing import Any

import orjson

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
    """The body of an answer; `name` makes its id."""
    if endpoint == CHAT:
        return _completion(reply, name, now)
    return _response(reply, name, now)


def _completion(reply: ModelAnswer, name: str, now: float) -> dict[str, Any]:
    message = {"role": "assistant", "content": reply.text, "refusal": reply.refusal}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reply.finish}
    return {
        "id": f"chatcmpl-{name}",
        "object": "chat.completion",
        "created": int(now),
        "model": reply.request.model,
        "choices": [choice],
        "usage": completion_usage(reply.usage),
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
        "usage": response_usage(reply.usage),
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


def stream(reply: ModelAnswer, name: str, now: float) -> bytes:
    """A chat completion as server-sent events; usage in the last chunk when asked for."""
    base = {
        "id": f"chatcmpl-{name}",
        "object": "chat.completion.chunk",
        "created": int(now),
        "model": reply.request.model,
        "system_fingerprint": FINGERPRINT,
    }
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    if reply.refusal is not None:
        deltas.append({"refusal": reply.refusal})
    text = reply.text or ""
    deltas += [{"content": text[start : start + 16]} for start in range(0, len(text), 16)]
    chunks = [{**base, "choices": [_delta(delta, None)]} for delta in deltas]
    chunks.append({**base, "choices": [_delta({}, reply.finish)]})
    if reply.request.include_usage:
        chunks.append({**base, "choices": [], "usage": completion_usage(reply.usage)})
    events = [b"data: " + dumps(chunk) + b"\n\n" for chunk in chunks]
    return b"".join([*events, b"data: [DONE]\n\n"])


def _delta(delta: dict[str, Any], finish: str | None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": finish}
