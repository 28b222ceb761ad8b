"""Sheets: captions as a CSV or as JSON lines, to be judged and corrected elsewhere and taken back.

A row is known by its picture, never by its place. It remembers what was exported, so that a row
that nobody touched is no edit, whatever a spreadsheet did to line ends and quotes.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from pipeline.core.encodings import decode_text
from pipeline.errors import UsageError
from pipeline.review.sheet_cells import from_cell, to_cell
from pipeline.system.files import storage_error, whole_file

COLUMNS = ("path", "caption", "review", "note", "model_caption", "source", "outcome",
           "image", "values", "exported")  # fmt: skip
_TO_READ = {"caption", "review", "image", "exported"}
_JSON_LINES = {".jsonl", ".ndjson"}


class SheetRow(Struct, frozen=True):
    """Row of a sheet as somebody gives it back.

    Attributes:
        number: line or row, from 1, for people.
        path: for people too.
        image: SHA-256 of the picture's bytes, hex.
        values: the manifest's values that the prompt used, JSON.
        caption, review, note: as they are now.
        exported: what caption and review were, see `mark_of`.
    """

    number: int
    path: str
    image: str
    values: str
    caption: str
    review: str
    note: str
    exported: str

    @property
    def caption_changed(self) -> bool:
        """Tell whether somebody changed the caption."""
        return self.exported.partition(":")[2] != mark_of(self.caption, "").partition(":")[2]

    @property
    def review_changed(self) -> bool:
        """Tell whether somebody changed the review."""
        return self.exported.partition(":")[0] != self.review


def mark_of(caption: str | None, review: str | None) -> str:
    """Mark of a caption and a review, equal for texts that differ in line ends and tabs only, which
    spreadsheets change."""
    text = _plain(caption or "").encode("utf-8", "replace")
    return f"{review or ''}:{hashlib.sha256(text).hexdigest()[:16]}"


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", "").strip()


def write_sheet(path: Path, cards: Iterable[Mapping[str, Any]]) -> int:
    """Write cards to a sheet, CSV or JSON lines by the suffix; gives their number.

    Raises:
        StorageError: it cannot be written; an old file is as it was.
    """
    lines = path.suffix.lower() in _JSON_LINES
    count = 0
    with whole_file(path, links=True) as handle:
        if not lines:
            handle.write(
                b"\xef\xbb\xbf" + _csv_line(COLUMNS)
            )  # spreadsheets guess without the mark
        for card in cards:
            row = _row_of(card)
            if lines:
                handle.write(f"{json.dumps(row, ensure_ascii=False)}\n".encode("utf-8", "replace"))
            else:
                handle.write(_csv_line(tuple(to_cell(row[name] or "") for name in COLUMNS)))
            count += 1
    return count


def _row_of(card: Mapping[str, Any]) -> dict[str, str | None]:
    return {
        "path": card["path"],
        "caption": card["caption"],
        "review": card["review"],
        "note": card["note"],
        "model_caption": card["model_caption"],
        "source": card["source"],
        "outcome": card["outcome"],
        "image": card["source_id"].hex() if card["source_id"] else None,
        "values": card["selector"],
        "exported": mark_of(card["caption"], card["review"]),
    }


def _csv_line(cells: Iterable[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue().encode("utf-8", "replace")


def read_sheet(path: Path) -> Iterator[SheetRow]:
    """Read a sheet that `write_sheet` wrote and somebody gives back.

    Raises:
        UsageError: it cannot be read, or is no such sheet.
    """
    try:
        text, encoding = decode_text(path.read_bytes())
    except OSError as error:
        raise storage_error(path, error, "read") from error
    if encoding == "?":
        raise UsageError(f"{path} is in an encoding that is not clear: save it as UTF-8")
    text = text.removeprefix("\ufeff")
    if path.suffix.lower() in _JSON_LINES:
        yield from _json_rows(path, text)
    else:
        yield from _csv_rows(path, text)


def _json_rows(path: Path, text: str) -> Iterator[SheetRow]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError:
            raise UsageError(f"{path} line {number} is no JSON") from None
        if not isinstance(value, dict):
            raise UsageError(f"{path} line {number} is no row")
        yield _sheet_row(path, number, value)


def _csv_rows(path: Path, text: str) -> Iterator[SheetRow]:
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)  # a spreadsheet of another country saves semicolons
    csv.field_size_limit(10_000_000)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for row in reader:
            cells = {name: from_cell(value) for name, value in row.items()
                     if isinstance(name, str) and isinstance(value, str)}  # fmt: skip
            yield _sheet_row(path, reader.line_num, cells)
    except csv.Error as error:
        raise UsageError(f"{path} line {reader.line_num}: {error}") from None


def _sheet_row(path: Path, number: int, value: Mapping[str, Any]) -> SheetRow:
    missing = _TO_READ - value.keys()
    if missing:
        raise UsageError(
            f"{path} row {number} lacks {', '.join(sorted(missing))}: it is no sheet of "
            "'captionmill review --export', or its columns were removed"
        )
    texts = {name: "" if value.get(name) is None else str(value[name]) for name in COLUMNS}
    return SheetRow(number, texts["path"], texts["image"], texts["values"] or "{}",
                    texts["caption"], texts["review"].strip().lower(), texts["note"],
                    texts["exported"])  # fmt: skip
