"""Table of the texts that a run writes beside images: its columns. One row per image."""

from __future__ import annotations

from pipeline.core.table import Column, column

COLUMNS: tuple[Column, ...] = (
    column("location", "string", "absolute path of the image"),
    column("text", "text", "the text to write, without a line end"),
    column("source_id", "string", "SHA-256 of the image's file, hex; empty when it is not known"),
    column("source", "string", "number of the source that the image is of"),
)
