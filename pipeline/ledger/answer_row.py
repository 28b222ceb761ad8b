"""One answer as a row of the table `answers`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from xxhash import xxh3_128_digest

from pipeline.core.lenient_json import storable_text
from pipeline.records import Answer, Nano, Usage

COLUMNS = """work, attempt, batch, outcome, caption, fields, reason, code, prompt_tokens,
    cached_tokens, cache_write_tokens, completion_tokens, reasoning_tokens, billed, price_version,
    served_model, request_id, ending, flags, service_cost, checksum, received_at, rules"""
MARKS = ", ".join("?" * (COLUMNS.count(",") + 1))
_NAMES = [name.strip() for name in COLUMNS.split(",")]
CELLS = tuple(_NAMES[_NAMES.index("outcome") : _NAMES.index("checksum")])
"""Columns that an answer's checksum is of."""

_WORTH = [CELLS.index(name) for name in (
    "outcome", "caption", "fields", "prompt_tokens", "cached_tokens", "cache_write_tokens",
    "completion_tokens", "reasoning_tokens",
)]  # fmt: skip
_PRICED = {CELLS.index("billed"), CELLS.index("price_version")}
BILLED = slice(min(_PRICED), max(_PRICED) + 1)
"""CELLS that a price decides."""
WORTH_CHECKSUM = 16
"""Bytes of a checksum that is of less: what an answer is worth."""
CHECKED = b"\x02"
"""Beginning of a checksum of all cells."""


def answer_cells(answer: Answer, billed: Nano | None, prices: str | None) -> tuple[object, ...]:
    """Cells from `outcome` to `checksum`, in the order of `COLUMNS`."""
    tokens, fields = answer_tokens(answer.usage), fields_text(answer.fields)
    cells = (
        answer.outcome, storable_or_none(answer.caption), fields, storable_text(answer.reason),
        answer.code, *tokens, billed, prices, answer.model, answer.request_id, answer.ending,
        ",".join(answer.flags), answer.service_cost,
    )  # fmt: skip
    return (*cells, answer_checksum(cells))


def answer_tokens(usage: Usage | None) -> tuple[int | None, ...]:
    """Cells from `prompt_tokens` to `reasoning_tokens`."""
    if usage is None:
        return (None,) * 5
    return usage.prompt, usage.cached, usage.cache_write, usage.completion, usage.reasoning


def fields_text(fields: Mapping[str, object]) -> str | None:
    """Fields beside the caption as JSON, None for none."""
    return json.dumps(dict(fields)) if fields else None


def answer_checksum(cells: Sequence[object]) -> bytes:
    """Checksum of an answer's CELLS, kept beside them: 17 bytes."""
    return CHECKED + xxh3_128_digest(repr(tuple(cells)).encode())


def worth_checksum(worth: Sequence[object]) -> bytes:
    """Checksum of an answer's worth alone, which was kept before: 16 bytes."""
    return xxh3_128_digest(repr(tuple(worth)).encode())


def worth_of(cells: Sequence[object]) -> tuple[object, ...]:
    """Outcome, caption, fields and tokens among CELLS."""
    return tuple(cells[at] for at in _WORTH)


def raw_part(cells: Sequence[object]) -> list[object]:
    """CELLS but for what a price decides: what a raw answer says."""
    return [cell for at, cell in enumerate(cells) if at not in _PRICED]


def storable_or_none(text: str | None) -> str | None:
    """Text as SQLite stores it, in UTF-8: a lone surrogate becomes U+FFFD (the raw file keeps it
    as it came)."""
    return None if text is None else storable_text(text)
