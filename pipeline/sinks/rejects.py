"""List of what could not be captioned and why, as a CSV safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from pipeline.core.formulas import defused
from pipeline.system.files import whole_file

HEADER = ("source", "path", "reason_code", "detail")


def write_rejects(path: Path, rows: Iterable[tuple[str, str, str, str]]) -> int:
    """Replace the CSV at `path` by `rows` of (source label, path, reason code, detail), UTF-8;
    gives their number.

    What a spreadsheet would run as a formula gets an apostrophe in front, whatever delimiter and
    quotes it expects.

    Raises:
        StorageError: it cannot be written; the old file is as it was.
    """
    count = 0
    with whole_file(path) as handle:
        handle.write(_line(HEADER))
        for row in rows:
            handle.write(_line(tuple(map(defused, row))))
            count += 1
    return count


def _line(row: tuple[str, ...]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(row)
    return text.getvalue().encode("utf-8", "replace")
