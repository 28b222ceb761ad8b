"""Tokens of one answer, as either endpoint reports them.

Chat completions: prompt_tokens, completion_tokens, and their *_details (cached_tokens,
cache_write_tokens, reasoning_tokens). Responses: the same as input_tokens and output_tokens.
(openai.types.CompletionUsage, openai.types.responses.ResponseUsage.)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.records import Usage

NO_TOKENS = "its usage is impossible: no tokens for an answer with text"

_MOST = 10**9  # tokens; no context window comes near


def read_usage(usage: object) -> tuple[Usage | None, str]:
    """(usage, ""), or (None, why it cannot be believed; "" when there simply is none)."""
    if not isinstance(usage, dict) or not usage:
        return None, ""
    sent, answered = ("input", "output") if "input_tokens" in usage else ("prompt", "completion")
    prompt = _count(usage.get(f"{sent}_tokens"), None)
    completion = _count(usage.get(f"{answered}_tokens"), None)
    prompt_details = _details(usage.get(f"{sent}_tokens_details"))
    completion_details = _details(usage.get(f"{answered}_tokens_details"))
    cached = _count(prompt_details.get("cached_tokens"), 0)
    written = _count(prompt_details.get("cache_write_tokens"), 0)
    reasoning = _count(completion_details.get("reasoning_tokens"), 0)
    if prompt is None or completion is None or cached is None or written is None:
        return None, "its usage is impossible: a number of tokens is missing, negative or none"
    if cached + written > prompt or reasoning is None or reasoning > completion:
        return None, "its usage is impossible: a part has more tokens than the whole"
    return Usage(prompt, cached, written, completion, reasoning), ""


def _count(value: object, absent: int | None) -> int | None:
    """Number of tokens; None when it cannot be one."""
    if type(value) is int and 0 <= value <= _MOST:
        return value
    if value is None:
        return absent
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST:
        return None
    return value


def _details(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
