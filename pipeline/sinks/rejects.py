"""What could not be captioned and why, as a CSV that is safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from pipeline.system.files import whole_file

HEADER = ("source", "file", "reason_code", "detail")
# A cell that begins with one of these is a formula to a spreadsheet, full-width forms included.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def write_rejects(path: Path, rows: Iterable[tuple[str, str, str, str]]) -> int:
    """Replace the CSV at `path` by `rows` of (source label, file, reason code, detail), UTF-8;
    gives their number.

    A cell that a spreadsheet would run gets an apostrophe in front.

    Raises:
        StorageError: it cannot be written; the old file is as it was.
    """
    count = 0
    with whole_file(path) as handle:
        handle.write(_line(HEADER))
        for row in rows:
            handle.write(_line(tuple(map(_harmless, row))))
            count += 1
    return count


def _line(row: tuple[str, ...]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(row)
    return text.getvalue().encode("utf-8", "replace")


def _harmless(cell: str) -> str:
    cell = cell.replace("\0", "\ufffd")
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA) else cell
