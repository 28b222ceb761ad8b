"""Captions as CSV for spreadsheets and content management: UTF-8 with its mark, defused."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from pipeline.core.formulas import defused
from pipeline.sinks.exported import Values
from pipeline.system.files import whole_file


def write_csv(path: Path, fields: Sequence[str], rows: Iterable[Values]) -> int:
    """Replace the file at `path`; gives the number of rows.

    Lists are joined by commas, null is an empty cell. What a spreadsheet would run as a formula
    gets an apostrophe in front. The mark at the start lets spreadsheets read UTF-8.

    Raises:
        StorageError: it cannot be written; the old file is as it was.
    """
    count = 0
    with whole_file(path, links=True) as handle:
        handle.write(codecs.BOM_UTF8 + _line([defused(name) for name in fields]))
        for values in rows:
            handle.write(_line([_cell(values[name]) for name in fields]))
            count += 1
    return count


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, int | float):
        return str(value)
    return defused(", ".join(map(str, value)) if isinstance(value, list) else str(value))


def _line(cells: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue().encode("utf-8", "replace")
