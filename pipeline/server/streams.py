"""Chat completions as server-sent events."""

from __future__ import annotations

from typing import Any

from pipeline.server.bodies import (
    FINGERPRINT,
    completion_usage,
    dumps,
    shown_ending,
    shown_usage,
    spoiled_by,
)
from pipeline.server.fault_rules import LineFault
from pipeline.server.responder import ModelAnswer


def stream(reply: ModelAnswer, name: str, now: float) -> bytes:
    """Chat completion as server-sent events; usage in the last chunk when asked for."""
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
    chunks.append({**base, "choices": [_delta({}, shown_ending(reply))]})
    if reply.request.include_usage and not spoiled_by(reply, "no_usage"):
        chunks.append({**base, "choices": [], "usage": completion_usage(shown_usage(reply))})
    events = [b"data: " + dumps(chunk) + b"\n\n" for chunk in chunks]
    return b"".join(_spoiled([*events, b"data: [DONE]\n\n"], reply.fault))


def _spoiled(events: list[bytes], fault: LineFault | None) -> list[bytes]:
    """Events as the fault plan wants them."""
    if fault is None or fault.outcome not in ("cut_stream", "stream_insert", "stream_end"):
        return events
    middle = max(2, len(events) // 2)  # the first event has no text
    text = fault.text.encode("utf-8", "surrogatepass")
    if fault.outcome == "cut_stream":
        return events[:middle]
    return [*events[:middle], text, *(events[middle:] if fault.outcome == "stream_insert" else ())]


def _delta(delta: dict[str, Any], finish: str | None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": finish}
