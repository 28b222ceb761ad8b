"""Table of what has no caption and why: its documented columns. One row per rejected image."""

from __future__ import annotations

from pipeline.core.table import Column, column

COLUMNS: tuple[Column, ...] = (
    column("source", "string", "label of the source"),
    column("path", "string", "path below the source's root, as the source names it"),
    column("reason_code", "string", "a code of `core.reasons`"),
    column("detail", "string", "the reason in plain words"),
)
