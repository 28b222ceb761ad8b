"""Manifests of JSON: an object a line, or an array of objects, read as a stream.

A text in place of an object is a path without columns. Columns are the names of all objects, in the
order in which they first come; a name that an object lacks, or that is null there, is missing in
its row only. A line or an element that is no object is a bad row; an array that is cut is refused
as a whole, because nothing tells where its last object ends.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from pipeline.errors import UsageError
from pipeline.sources.json_array import CutArray, array_elements
from pipeline.sources.table import ManifestTable, checked_names, path_index
from pipeline.sources.table_rows import MAX_FIELD, MAX_LINE_CHARACTERS, ManifestRow
from pipeline.sources.table_text import TextSurvey, open_text
from pipeline.sources.table_values import has_long_field, text_of

_MOST_NAMES = 10_000
_PIECE = 1 << 16
_TOO_LONG = ValueError(f"it is longer than {MAX_LINE_CHARACTERS:,} characters")
_TOO_DEEP = "it is nested too deeply"
_LINES = (".jsonl", ".ndjson")
_HALF = re.compile("[\ud800-\udfff]")
_STRAY = range(0xDC80, 0xDD00)  # what bytes that do not decode are read as

Item = tuple[int, object]
"""Number of a line or object, counted from 1, and its value; a ValueError for what is no JSON."""


@dataclass(frozen=True, slots=True)
class JsonTable(ManifestTable):
    """Table of JSON objects.

    Attributes:
        inside: the key of the array in the outermost object, "" for an array that is the whole
            text, None for an object a line.
    """

    inside: str | None = None

    @property
    def unit(self) -> str:
        """Word for what rows are counted by."""
        return "line" if self.inside is None else "object"

    def rows(self) -> Iterator[ManifestRow]:
        """Yield a row an object.

        Raises:
            UsageError: the file became unreadable.
        """
        for number, value in _items(self.path, self.encoding, self.inside):
            yield self._row(number, value)

    def _row(self, number: int, value: object) -> ManifestRow:
        where = f"{self.unit} {number}"
        if isinstance(value, ValueError):
            return ManifestRow(number, (), "bad_row", f"{where} is no JSON: {value}")
        if isinstance(value, str):
            value = {self.header[self.path_index]: value}
        if not isinstance(value, dict):
            return ManifestRow(number, (), "bad_row", f"{where} is no JSON object")
        path = value.get(self.header[self.path_index])
        if path is not None and not isinstance(path, str):
            detail = f"{where}: {self.header[self.path_index]} is no text"
            return ManifestRow(number, (), "bad_row", detail)
        try:
            fields = tuple(text_of(value.get(name)) for name in self.header)
        except RecursionError:
            return ManifestRow(number, (), "bad_row", f"{where}: {_TOO_DEEP}")
        if has_long_field(fields):
            detail = f"{where} has a value of more than {MAX_FIELD:,} characters"
            return ManifestRow(number, (), "bad_row", detail)
        if any(field and _HALF.search(field) for field in fields):
            return ManifestRow(number, (), "bad_row", f"{where} holds half a character (\\ud800)")
        return ManifestRow(number, tuple(_empty_path(fields, self.path_index)))


def read_json(
    path: Path, survey: TextSurvey, path_column: str | None, inside: str | None
) -> JsonTable:
    """Read a table of JSON once, for its columns.

    Args:
        inside: see `JsonTable`.

    Raises:
        UsageError: damaged, without objects, or without a column of paths.
    """
    names: dict[str, None] = {}
    texts = False
    for _, value in _items(path, survey.encoding, inside):
        if isinstance(value, dict):
            names.update(dict.fromkeys(value))
        texts |= isinstance(value, str)
        if len(names) > _MOST_NAMES:
            raise UsageError(f"{path} has more than {_MOST_NAMES:,} different names in its objects")
    if not names and texts:
        names = {"path": None}
    if not names:
        raise UsageError(f"{path} holds no JSON objects: each image is one, with its path")
    header = checked_names(str(path), list(names))
    index = path_index(str(path), header, path_column)
    return JsonTable(
        path, survey.digest, survey.encoding, "", 0, header, index, survey.notes, inside
    )


def array_place(path: Path, encoding: str) -> str | None:
    """Place of the array that a text of JSON holds, see `JsonTable`.

    An array of objects, or, as COCO has it, an object whose `images` are one.
    """
    if path.suffix.lower() in _LINES:
        return None
    with open_text(path, encoding) as handle:
        head = handle.read(MAX_LINE_CHARACTERS).lstrip("\ufeff \t\r\n")
    if head.startswith("["):
        return ""
    first, _, rest = head.partition("\n")
    try:
        value = json.loads(first)
    except (ValueError, RecursionError):
        return "images" if '"images"' in head or not rest.lstrip().startswith("{") else None
    is_whole = isinstance(value, dict) and isinstance(value.get("images"), list)
    return "images" if is_whole else None


def _items(path: Path, encoding: str, inside: str | None) -> Iterator[Item]:
    try:
        with open_text(path, encoding) as handle:
            if inside is None:
                yield from _lines(handle)
            else:
                yield from _objects(path, handle, inside)
    except (OSError, UnicodeError) as error:
        raise UsageError(f"cannot read the manifest {path}: {error}") from error


def _lines(handle: TextIO) -> Iterator[Item]:
    """Value of each line that is not blank; a line that is too long is no value."""
    number = 0
    while line := handle.readline(MAX_LINE_CHARACTERS + 1):
        number += 1
        if len(line) > MAX_LINE_CHARACTERS:
            while line and not line.endswith("\n"):
                line = handle.readline(_PIECE)
            yield number, _TOO_LONG
        elif text := line.strip("\ufeff \t\r\n\0"):
            yield number, _value(text)


def _value(text: str) -> object:
    if not text.isascii() and any(ord(letter) in _STRAY for letter in text):
        return ValueError("it holds bytes that do not decode")
    try:
        return json.loads(text)
    except RecursionError:
        return ValueError(_TOO_DEEP)
    except json.JSONDecodeError as error:
        return ValueError(f"{error.msg.removesuffix(' at')} at character {error.pos + 1:,}")
    except ValueError:
        return ValueError("it holds a number of too many digits")


def _objects(path: Path, handle: TextIO, inside: str) -> Iterator[Item]:
    """Value of each element of an array; one that is too long is no value."""
    try:
        for number, text in enumerate(array_elements(handle, inside or None), start=1):
            if len(text) > MAX_LINE_CHARACTERS:
                yield number, _TOO_LONG
            else:
                yield number, _value(text)
    except CutArray as error:
        raise UsageError(f"{path} is no whole JSON: {error}") from error


def _empty_path(fields: tuple[str | None, ...], index: int) -> Iterator[str | None]:
    return ((field or "") if at == index else field for at, field in enumerate(fields))
