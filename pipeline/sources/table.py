"""Manifest as a table: delimiter, header and rows, streamed and bounded."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from pipeline.core.encodings import encoding_name
from pipeline.errors import UsageError
from pipeline.imaging.sniff import IMAGE_SUFFIXES
from pipeline.sources.heads import suffix_of
from pipeline.sources.table_rows import (
    MAX_FIELD,
    MAX_LINE_CHARACTERS,
    ManifestRow,
    RowReader,
    csv_reader,
)
from pipeline.sources.table_text import EarlierReading, TextSurvey, open_text, survey_text

PATH_COLUMNS = (
    "path", "file", "filename", "file_name", "filepath", "file_path", "image", "image_path",
    "image_file", "image_filename", "image_name", "imagepath", "img", "img_path", "img_file",
    "picture", "photo", "url", "image_url", "img_url",
)  # fmt: skip
"""Names of the path column, best first; case does not matter."""

DELIMITED = (".csv", ".tsv", ".tab")
"""Suffixes of texts with a header and delimiters."""

_DELIMITERS = (",", ";", "\t")
_SEPARATOR = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE | re.DOTALL)
_MOST_SHOWN, _LONGEST_SHOWN = 50, 100  # columns and characters of a name in a sentence
_MARK, _QUOTE = "\ufeff", '"'
_STRAY = re.compile("[\udc80-\udcff]")  # a byte that does not decode


@dataclass(frozen=True, slots=True)
class ManifestTable:
    """Facts of a manifest after its bytes were read once.

    Attributes:
        path: the file.
        digest: blake2b of its bytes, 32 bytes.
        encoding: a Python codec name.
        delimiter: one character.
        header_line: the line of the header, counted from 1.
        header: column names, stripped, distinct.
        path_index: which of them is the path.
        notes: sentences for the person, e.g. about the encoding.
    """

    path: Path
    digest: bytes
    encoding: str
    delimiter: str
    header_line: int
    header: tuple[str, ...]
    path_index: int
    notes: tuple[str, ...] = ()

    @property
    def unit(self) -> str:
        """Word for what rows are counted by."""
        return "line"

    def rows(self) -> Iterator[ManifestRow]:
        """Yield all records after the header; empty lines are left out.

        Raises:
            UsageError: a line is too long to be one of a table, or the file became unreadable.
        """
        try:
            with open_text(self.path, self.encoding) as handle:
                lines = itertools.islice(_lines(handle), self.header_line, None)
                width, index = len(self.header), self.path_index
                reader = RowReader(lines, self.header_line + 1, self.delimiter, width, index)
                yield from map(self._decoded, reader.rows())
        except (OSError, UnicodeError) as error:
            raise UsageError(f"cannot read the manifest {self.path}: {error}") from error

    def _decoded(self, row: ManifestRow) -> ManifestRow:
        """Row itself, or a bad one where its bytes are not of the manifest's encoding."""
        text = "".join(field or "" for field in row.fields)
        if text.isascii() or row.problem or not _STRAY.search(text):
            return row
        detail = f"line {row.line} holds bytes that are no {encoding_name(self.encoding)}"
        return ManifestRow(row.line, row.fields, "bad_row", detail)


def read_manifest(
    path: Path, path_column: str | None, survey: TextSurvey | None = None
) -> ManifestTable:
    """Read a manifest's delimiter and header.

    Args:
        path_column: the name of the column of paths, None to find it.
        survey: of its bytes; None makes one.

    Raises:
        UsageError: names the file, and the line where there is one.
    """
    survey = survey or survey_text(path, None, EarlierReading())
    with survey.open(path) as handle:
        lines = _lines(handle)
        line, text = _first_line(path, lines)
        separator = _SEPARATOR.fullmatch(text)
        if separator:
            more, text = _first_line(path, lines)
            line += more
        several = _quoted_lines(text, lines)
    where = f"{path} line {line}"
    text, line = "".join(several), line + len(several) - 1
    delimiter = separator[1] if separator else _delimiter(path, text, path_column)
    names = _fields(text, delimiter)
    if _STRAY.search(text):
        kind = encoding_name(survey.encoding)
        raise UsageError(f"{where}: the header holds bytes that are no {kind}")
    header = checked_names(where, [_column_name(name) for name in names])
    index = path_index(where, header, path_column)
    return ManifestTable(
        path, survey.digest, survey.encoding, delimiter, line, header, index, survey.notes
    )


def _lines(handle: TextIO) -> Iterator[str]:
    """Lines; of one that is too long the beginning, which is longer than a line may be."""
    while line := handle.readline(MAX_LINE_CHARACTERS + 1):
        yield line
        while len(line) > MAX_LINE_CHARACTERS and not line.endswith(("\n", "\r")):
            line = handle.readline(MAX_LINE_CHARACTERS + 1)


def _first_line(path: Path, lines: Iterator[str]) -> tuple[int, str]:
    """First line that is not blank, with its number."""
    for number, marked in enumerate(lines, start=1):
        line = marked.lstrip("\ufeff")
        if "\0" in line:
            raise UsageError(f"{path} line {number} holds zero bytes: this is not a text file")
        if len(line) > MAX_LINE_CHARACTERS:
            raise UsageError(
                f"{path} line {number} is longer than {MAX_LINE_CHARACTERS:,} characters: "
                "this is not a table of images"
            )
        if line.strip():
            return number, line
    raise UsageError(f"the manifest {path} is empty")


def _column_name(text: str) -> str:
    """Name in one line; tables that were joined column by column have their marks within."""
    return " ".join(text.replace(_MARK, "").split("\n")).replace("\r", "").strip()


def _quoted_lines(text: str, lines: Iterator[str]) -> list[str]:
    """Line of the header, and those after it into which a name in quotation marks goes on."""
    header = [text]
    quotes = text.count(_QUOTE)
    for line in lines if quotes % 2 else ():
        header.append(line)
        quotes += line.count(_QUOTE)
        if quotes % 2 == 0:
            return header
        if sum(map(len, header)) > MAX_FIELD:
            break
    return [text]


def _fields(header: str, delimiter: str) -> list[str]:
    try:
        return next(csv_reader(io.StringIO(header, newline=""), delimiter), [])
    except csv.Error:
        return header.split(delimiter)


def _delimiter(path: Path, header: str, path_column: str | None) -> str:
    if path.suffix.lower() in (".tsv", ".tab"):
        return "\t"
    known = {path_column.lower()} if path_column else set(PATH_COLUMNS)

    def fit(delimiter: str) -> tuple[bool, int]:
        names = _fields(header, delimiter)
        return any(name.strip().lower() in known for name in names), len(names)

    return max(_DELIMITERS, key=fit)  # the first of equals


def checked_names(where: str, names: Sequence[str]) -> tuple[str, ...]:
    """Names of columns.

    Raises:
        UsageError: one is empty, or two differ in case only; `where` is the place of the names.
    """
    first: dict[str, int] = {}
    for number, name in enumerate(names, start=1):
        if not name:
            hint = "; pandas writes one unless told index=False" if number == 1 else ""
            raise UsageError(f"{where}: column {number} has no name{hint}")
        if name.lower() in first:
            raise UsageError(
                f"{where}: columns {first[name.lower()]} and {number} have the same name {name!r}"
            )
        first[name.lower()] = number
    return tuple(names)


def path_index(where: str, header: Sequence[str], wanted: str | None) -> int:
    """Place of the column of paths.

    Raises:
        UsageError: there is none of the wanted name, or none that is called so.
    """
    lower = [name.lower() for name in header]
    for name in [wanted.lower()] if wanted else PATH_COLUMNS:
        if name in lower:
            return lower.index(name)
    if wanted:
        raise UsageError(f"{where} has no column {wanted!r}; it has: {_shown(header)}")
    no_header = any(suffix_of(name) in IMAGE_SUFFIXES for name in header)
    hint = "; it looks like a row: a table begins with the names of its columns" * no_header
    raise UsageError(
        f"{where} has no column of paths (such as path, file or image): name it with "
        f"--path-column; the columns are: {_shown(header)}{hint}"
    )


def _shown(header: Sequence[str]) -> str:
    more = f" and {len(header) - _MOST_SHOWN:,} more" if len(header) > _MOST_SHOWN else ""
    return ", ".join(name[:_LONGEST_SHOWN] for name in header[:_MOST_SHOWN]) + more


def has_path_column(path: Path, head: str) -> bool:
    """Tell whether a text begins with the mark of a separator or with a line that names a column of
    paths."""
    line = head.partition("\n")[0]
    if _SEPARATOR.fullmatch(line):
        return True
    names = _fields(line, _delimiter(path, line, None))
    return any(name.strip().lower() in PATH_COLUMNS for name in names)
