"""Tokens of one answer, as either endpoint reports them.

Chat completions: prompt_tokens, completion_tokens, and their *_details (cached_tokens,
cache_write_tokens, reasoning_tokens). Responses: the same as input_tokens and output_tokens.
(openai.types.CompletionUsage, openai.types.responses.ResponseUsage.) Gemini and xAI count reasoning
beside completion_tokens, and only total_tokens holds all that is billed; DeepSeek names cached
tokens prompt_cache_hit_tokens, Moonshot cached_tokens. OpenRouter's `cost` is what it took, in USD.

What cannot be is not believed: such an answer counts at its reservation, the dearest that its
request allows. What only fails to add up is read in the dearer of its ways.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal
from typing import Any

from msgspec import Struct

from pipeline.core.service_words import (
    CACHE_WRITE_TOKENS,
    CACHED_BESIDE,
    CACHED_TOKENS,
    CHAT_USAGE,
    REASONING_TOKENS,
    RESPONSES_USAGE,
    SERVICE_COST,
    TOTAL_TOKENS,
)
from pipeline.records import NANO_PER_USD, Nano, Usage

NO_TOKENS = "its usage is impossible: no tokens for an answer with text"

_NO_NUMBER = "its usage is impossible: a number of tokens is missing, negative or none"
_NO_PART = "its usage is impossible: a part has more tokens than the whole"
_NO_SUM = "its usage does not add up: total_tokens is less than its parts, which are counted"

MOST_TOKENS = 20_000_000
"""Tokens of one answer; twice the largest context window that a service offers."""

_MOST_BY_VERSION_1 = 10**9
_MOST_COST = 1_000_000  # US dollars of one answer


class _Counts(Struct, frozen=True):
    """Numbers of tokens as they came, None for what cannot be one."""

    prompt: int | None
    cached: int | None
    written: int | None
    completion: int | None
    reasoning: int | None
    total: int | None


def read_usage(usage: object, version: int = 2) -> tuple[Usage | None, str]:
    """(usage, ""), (usage, what is odd), or (None, why it cannot be believed; "" for none).

    Args:
        version: of the rules it is read by.
    """
    if not isinstance(usage, dict) or not usage:
        return None, ""
    counts = _counts(usage, MOST_TOKENS if version > 1 else _MOST_BY_VERSION_1, version)
    prompt, completion = counts.prompt, counts.completion
    cached, written, reasoning = counts.cached, counts.written, counts.reasoning
    if prompt is None or completion is None or cached is None or written is None:
        return None, _NO_NUMBER
    if reasoning is None or counts.total is None:
        return None, _NO_NUMBER
    beside = max(counts.total - prompt - completion, 0)  # only the total holds it: reasoning
    if version > 1 and reasoning > completion and not counts.total:
        beside = reasoning  # it cannot be part of it, so it stands beside
    if cached + written > prompt or reasoning > completion + beside:
        return None, _NO_PART
    short = 0 < counts.total < prompt + completion
    reasoning = reasoning if reasoning >= beside else min(reasoning, completion) + beside
    read = Usage(prompt, cached, written, completion + beside, reasoning)
    return read, _NO_SUM if short else ""


def service_cost(usage: object) -> Nano | None:
    """Cost that a service names itself, rounded up; None when it names none that can be."""
    cost = usage.get(SERVICE_COST) if isinstance(usage, dict) else None
    if isinstance(cost, bool) or not isinstance(cost, int | float):
        return None
    if not 0 <= cost <= _MOST_COST:
        return None
    return int((Decimal(str(cost)) * NANO_PER_USD).to_integral_value(ROUND_CEILING))


def _counts(usage: Mapping[str, Any], most: int, version: int) -> _Counts:
    names = RESPONSES_USAGE if RESPONSES_USAGE.prompt in usage else CHAT_USAGE
    if version > 1 and usage.get(CHAT_USAGE.prompt):  # New API sends both pairs, one of them zeros
        names = CHAT_USAGE
    of_prompt = _details(usage.get(names.of_prompt))
    of_completion = _details(usage.get(names.of_completion))
    cached = of_prompt.get(CACHED_TOKENS)
    if cached is None and version > 1:
        cached = next((usage[name] for name in CACHED_BESIDE if usage.get(name) is not None), None)
    return _Counts(
        prompt=_count(usage.get(names.prompt), None, most),
        cached=_count(cached, 0, most),
        written=_count(of_prompt.get(CACHE_WRITE_TOKENS), 0, most),
        completion=_count(usage.get(names.completion), None, most),
        reasoning=_count(of_completion.get(REASONING_TOKENS), 0, most),
        total=_count(usage.get(TOTAL_TOKENS), 0, most) if version > 1 else 0,
    )


def _count(value: object, absent: int | None, most: int) -> int | None:
    """Number of tokens; None when it cannot be one."""
    if type(value) is int and 0 <= value <= most:
        return value
    if value is None:
        return absent
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        return None
    return value


def _details(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
