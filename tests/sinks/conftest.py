"""Rows as the ledger gives them, each with the facts of its spec."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from pipeline.core.cells import Cells
from pipeline.core.further_columns import columns, field_kinds
from pipeline.ledger.rows import COLUMNS
from pipeline.ledger.specs import FACTS

NANO = 1_000_000_000
LEDGER = (*COLUMNS, *FACTS)
"""Names of the cells of a row, its spec's among them."""

KEY = bytes(range(32)).hex()
_CAPTIONED: Mapping[str, object] = {
    "source": "imgs",
    "path": "a.jpg",
    "occurrence": 0,
    "source_id": b"\x11" * 32,
    "content_id": b"\x22" * 32,
    "source_format": "JPEG",
    "source_width": 4000,
    "source_height": 3000,
    "sent_width": 1024,
    "sent_height": 768,
    "caption": "A cat on a wall.",
    "outcome": "captioned",
    "provider": "openai",
    "account": "default",
    "model": "gpt-6-luna",
    "served_model": "gpt-6-luna-2026-08-01",
    "endpoint": "/v1/chat/completions",
    "spec_id": "33" * 32,
    "work_key": bytes.fromhex(KEY),
    "prompt_tokens": 1000,
    "cached_tokens": 0,
    "cache_write_tokens": 0,
    "completion_tokens": 60,
    "reasoning_tokens": 0,
    "estimated_cost": 90_000,
    "billed_cost": 80_001,
    "service_cost": None,
    "price_version": "prices 1",
    "batch_id": "batch_1",
    "attempt": 1,
    "request_id": "req_1",
    "attempts": 1,
    "flags": "icc_converted",
    "in_source": 1,
    "first_seen_at": 1_790_000_000,
    "captioned_at": 1_790_000_100,
}


def make_row(**values: object) -> tuple[object, ...]:
    """A captioned image; `values` replace or, by None, empty its columns."""
    for name in ("fields", "columns"):
        if isinstance(values.get(name), dict):
            values[name] = json.dumps(values[name])
    filled = {**_CAPTIONED, **values}
    return tuple(filled.get(name) for name in LEDGER)


def make_cells(schema: Mapping[str, Any] | None = None, manifest: tuple[str, ...] = ()) -> Cells:
    kinds = field_kinds([schema] if schema else [])
    return Cells(LEDGER, columns(kinds, manifest))


@pytest.fixture
def row() -> Callable[..., tuple[object, ...]]:
    return make_row


@pytest.fixture
def cells() -> Cells:
    return make_cells()
