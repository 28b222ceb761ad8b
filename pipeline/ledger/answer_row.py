"""One answer as a row of the table `answers`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from xxhash import xxh3_128_digest

from pipeline.core.lenient_json import storable_text
from pipeline.records import Answer, Nano, Usage

if TYPE_CHECKING:
    from pipeline.ledger.settled import OrdinaryLine

COLUMNS = """work, attempt, batch, outcome, caption, fields, reason, code, prompt_tokens,
    cached_tokens, cache_write_tokens, completion_tokens, reasoning_tokens, billed, price_version,
    served_model, request_id, ending, flags, service_cost, checksum, received_at, rules"""
MARKS = ", ".join("?" * (COLUMNS.count(",") + 1))
ORDINARY_COLUMNS = """work, attempt, caption, fields, prompt_tokens, cached_tokens,
    cache_write_tokens, completion_tokens, reasoning_tokens, billed, price_version, served_model,
    request_id, checksum"""
"""What differs from one ordinary answer of a batch to the next."""


def answer_cells(answer: Answer, billed: Nano | None, prices: str | None) -> tuple[object, ...]:
    """Cells from `outcome` to `checksum`, in the order of `COLUMNS`."""
    tokens, fields = answer_tokens(answer.usage), fields_text(answer.fields)
    caption = storable_or_none(answer.caption)
    return (
        answer.outcome, caption, fields, storable_text(answer.reason), answer.code, *tokens,
        billed, prices, answer.model, answer.request_id, answer.ending, ",".join(answer.flags),
        answer.service_cost, answer_checksum(answer.outcome, caption, fields, tokens),
    )  # fmt: skip


def ordinary_rows(lines: Sequence[OrdinaryLine], prices: str | None) -> list[tuple[object, ...]]:
    """Cells of ordinary answers in the order of `ORDINARY_COLUMNS`."""
    numbers = {tokens: repr(tokens)[1:] for tokens in {answer.tokens for _, answer, _ in lines}}
    rows: list[tuple[object, ...]] = []
    for planned, answer, billed in lines:
        caption, tokens = answer.caption, answer.tokens
        fields = fields_text(answer.fields) if answer.fields else None
        text = f"('captioned', {caption!r}, {fields!r}, {numbers[tokens]}"  # of `answer_checksum`
        rows.append((
            planned[2], planned[1], caption, fields, *tokens, billed, prices, answer.model,
            answer.request_id, xxh3_128_digest(text.encode()),
        ))  # fmt: skip
    return rows


def ordinary_insert(batch: int, received_at: int, rules: int) -> str:
    """Statement that inserts a row of `ORDINARY_COLUMNS`; what all lines of a batch share stands
    in it, as each value that is bound takes time."""
    marks = ", ".join("?" * (ORDINARY_COLUMNS.count(",") + 1))
    return (
        f"INSERT INTO answers ({ORDINARY_COLUMNS}, batch, outcome, reason, code, ending, flags, "
        f"received_at, rules) VALUES ({marks}, {batch:d}, 'captioned', '', 'stop', 'stop', '', "
        f"{received_at:d}, {rules:d})"
    )


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
    return xxh3_128_digest(repr((outcome, caption, fields, *tokens)).encode())


def storable_or_none(text: str | None) -> str | None:
    """Text as SQLite stores it, in UTF-8: a lone surrogate becomes U+FFFD (the raw file keeps it
    as it came)."""
    return None if text is None else storable_text(text)
