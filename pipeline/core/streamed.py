"""A streamed chat completion, put together again.

Chunks are those of `POST /v1/chat/completions` with `stream` and `stream_options.include_usage`:
the usage comes in the last one, which has no choices.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson


@dataclass(slots=True)
class StreamedAnswer:
    """What has come so far."""

    text: list[str] = field(default_factory=list)
    refusal: list[str] = field(default_factory=list)
    finish: str | None = None
    model: str | None = None
    usage: object = None

    def take(self, chunk: Mapping[str, Any]) -> Iterator[str]:
        """Take a chunk; gives its text."""
        self.model = chunk.get("model") or self.model
        self.usage = chunk.get("usage") or self.usage
        for choice in chunk.get("choices") or ():
            delta = choice.get("delta") or {}
            self.finish = choice.get("finish_reason") or self.finish
            self.refusal.append(delta.get("refusal") or "")
            if delta.get("content"):
                self.text.append(delta["content"])
                yield delta["content"]

    def body(self) -> bytes:
        """The same answer without streaming."""
        message = {"content": "".join(self.text), "refusal": "".join(self.refusal) or None}
        choice = {"message": message, "finish_reason": self.finish}
        return orjson.dumps({"model": self.model, "choices": [choice], "usage": self.usage})
