"""Records of a manifest from its lines: a quotation mark that does not pair swallows none.

A line is a row. A record of several lines is one only where quoting is proven: the marks pair, the
number of fields is right, and the lines are not rows by themselves.
"""

from __future__ import annotations

import csv
import os
from collections import deque
from collections.abc import Iterator

from msgspec import Struct

MAX_LINE_CHARACTERS = 1_000_000
"""A line, and so a row of one line, may have this many characters."""

MAX_FIELD = 131_072
"""Characters of a field, and of a record of several lines."""

_QUOTE, _MARK = '"', "\ufeff"
_ODD = "a quotation mark does not pair"
_OPEN = "unexpected end of data"


class ManifestRow(Struct, frozen=True):
    """One record.

    Attributes:
        line: counted from 1.
        fields: as many as the header has, None for a value that is missing; () for a line that
            cannot be taken apart.
        problem: a reason code when it is no proper record; `detail` has its words.
        doubt: how quotation marks were read that may mean something else.
    """

    line: int
    fields: tuple[str | None, ...]
    problem: str = ""
    detail: str = ""
    doubt: str = ""


class RowReader:
    """Reads the records of a table, the header left out."""

    def __init__(
        self, lines: Iterator[str], first_line: int, delimiter: str, width: int, path_index: int
    ) -> None:
        self._lines = lines
        self._next_line = first_line
        self._again: deque[str] = deque()
        self._delimiter = delimiter
        self._width = width
        self._path_index = path_index

    def rows(self) -> Iterator[ManifestRow]:
        """Yield all records; empty lines are left out."""
        while (text := self._take()) is not None:
            line = self._next_line - 1
            bare = text.rstrip("\r\n")
            if len(text) > MAX_LINE_CHARACTERS:
                detail = f"line {line} is longer than {MAX_LINE_CHARACTERS:,} characters"
                yield ManifestRow(line, (), "bad_row", detail)
            elif _QUOTE in bare or len(bare) > MAX_FIELD:
                yield self._quoted(line, text)
            elif bare:
                yield self._row(line, bare.split(self._delimiter))

    def _take(self) -> str | None:
        text = self._again.popleft() if self._again else next(self._lines, None)
        if text is None:
            return None
        self._next_line += 1
        # files that were joined have their marks within
        return text.lstrip(_MARK) if text.startswith(_MARK) else text

    def _put_back(self, lines: list[str]) -> None:
        self._again.extendleft(reversed(lines))
        self._next_line -= len(lines)

    def _row(self, line: int, fields: list[str]) -> ManifestRow:
        if len(fields) == self._width:
            return ManifestRow(line, tuple(fields))
        detail = f"line {line} has {_count(len(fields))}, the header has {self._width}"
        return ManifestRow(line, tuple(fields), "bad_row", detail)

    def _quoted(self, line: int, text: str) -> ManifestRow:
        """Record that begins with a line with quotation marks."""
        taken = [text]
        try:
            fields = next(csv_reader(self._following(taken), self._delimiter))
        except csv.Error as error:
            self._put_back(taken[1:])
            return self._plain(line, text, _ODD if len(taken) > 1 else str(error))
        if len(taken) == 1:
            return self._row(line, fields)
        lines = [text.rstrip("\r\n").split(self._delimiter) for text in taken]
        alone = all(len(fields) == self._width for fields in lines)
        if len(fields) == self._width and not (alone and self._have_paths(lines)):
            doubt = f"lines {line} to {line + len(taken) - 1} are one row" if alone else ""
            return ManifestRow(line, tuple(fields), doubt=doubt)
        self._put_back(taken[1:])
        return self._plain(line, text, _ODD)

    def _following(self, taken: list[str]) -> Iterator[str]:
        """Line, and those after it for as long as a quotation mark is open."""
        yield taken[0]
        characters = len(taken[0])
        while characters <= MAX_FIELD and (text := self._take()) is not None:
            taken.append(text)
            characters += len(text)
            yield text

    def _plain(self, line: int, text: str, problem: str) -> ManifestRow:
        """Line by itself, its quotation marks read as text where it is a row that way."""
        fields = text.rstrip("\r\n").split(self._delimiter)
        is_row = len(fields) == self._width and _QUOTE not in fields[self._path_index]
        if is_row and max(map(len, fields)) <= MAX_FIELD:
            return ManifestRow(
                line, tuple(fields), doubt=f"the quotation marks of line {line} are text"
            )
        words = _ODD if problem == _OPEN else problem
        return ManifestRow(line, (), "bad_row", f"line {line}: {words}")

    def _have_paths(self, lines: list[list[str]]) -> bool:
        """Tell whether tabs make the fields, or the path of each line looks like one."""
        if self._delimiter == "\t" and self._width > 1:
            return True
        return all(_is_path_like(fields[self._path_index]) for fields in lines)


def csv_reader(lines: Iterator[str], delimiter: str) -> Iterator[list[str]]:
    """Records by the csv module's strict rules; raises csv.Error."""
    csv.field_size_limit(MAX_FIELD)
    return csv.reader(lines, delimiter=delimiter, strict=True)


def _is_path_like(text: str) -> bool:
    """Recognise a URL and a name with a suffix."""
    text = text.strip(' "')
    suffix = os.path.splitext(text)[1]  # noqa: PTH122
    return "://" in text or (2 <= len(suffix) <= 6 and suffix[1:].isalnum())


def _count(fields: int) -> str:
    return f"{fields} field" if fields == 1 else f"{fields} fields"
