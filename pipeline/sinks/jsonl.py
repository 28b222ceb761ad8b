"""Captions as JSON lines, one object a row."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pipeline.sinks.exported import Values
from pipeline.sinks.json_values import json_line
from pipeline.system.files import whole_file


def write_jsonl(path: Path, rows: Iterable[Values]) -> int:
    """Replace the file at `path`; gives the number of rows.

    Raises:
        StorageError: it cannot be written; the old file is as it was.
    """
    count = 0
    with whole_file(path, links=True) as handle:
        for values in rows:
            handle.write(json_line(values).encode() + b"\n")
            count += 1
    return count
