"""One answer as a row of the table `answers`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from xxhash import xxh3_128

from pipeline.core.lenient_json import storable_text
from pipeline.records import Answer, Nano, Usage

if TYPE_CHECKING:
    from pipeline.core.ordinary_answers import OrdinaryAnswer

COLUMNS = """work, attempt, batch, outcome, caption, fields, reason, code, prompt_tokens,
    cached_tokens, cache_write_tokens, completion_tokens, reasoning_tokens, billed, price_version,
    served_model, request_id, ending, flags, service_cost, checksum, received_at, rules"""
MARKS = ", ".join("?" * (COLUMNS.count(",") + 1))


def answer_cells(answer: Answer, billed: Nano | None, prices: str | None) -> tuple[object, ...]:
    """Cells from `outcome` to `checksum`, in the order of `COLUMNS`."""
    tokens, fields = answer_tokens(answer.usage), fields_text(answer.fields)
    caption = storable_or_none(answer.caption)
    return (
        answer.outcome, caption, fields, storable_text(answer.reason), answer.code, *tokens,
        billed, prices, answer.model, answer.request_id, answer.ending, ",".join(answer.flags),
        answer.service_cost, answer_checksum(answer.outcome, caption, fields, tokens),
    )  # fmt: skip


def ordinary_cells(
    answer: OrdinaryAnswer, billed: Nano | None, prices: str | None
) -> tuple[object, ...]:
    """Cells of `answer.full()` from `outcome` to `checksum`, without the way over it."""
    caption, fields, tokens = answer.caption, fields_text(answer.fields), answer.tokens
    return (
        "captioned", caption, fields, "", "stop", *tokens, billed, prices, answer.model,
        answer.request_id, "stop", "", None, answer_checksum("captioned", caption, fields, tokens),
    )  # fmt: skip


def answer_tokens(usage: Usage | None) -> tuple[int | None, ...]:
    """Cells from `prompt_tokens` to `reasoning_tokens`."""
    if usage is None:
        return (None,) * 5
    return usage.prompt, usage.cached, usage.cache_write, usage.completion, usage.reasoning


def fields_text(fields: Mapping[str, object]) -> str | None:
    """Fields beside the caption as JSON, None for none."""
    return json.dumps(dict(fields)) if fields else None


def answer_checksum(
    outcome: str, caption: str | None, fields: str | None, tokens: Sequence[int | None]
) -> bytes:
    """Checksum of what an answer is worth, kept beside it: 16 bytes."""
    return xxh3_128(repr((outcome, caption, fields, *tokens)).encode()).digest()


def storable_or_none(text: str | None) -> str | None:
    """Text as SQLite stores it, in UTF-8: a lone surrogate becomes U+FFFD (the raw file keeps it
    as it came)."""
    return None if text is None else storable_text(text)
