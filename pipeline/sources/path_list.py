"""Plain lists of paths, one a line as `find` and `ls` write them, or with zero bytes between.

A line is a path as it stands: nothing in it is quoted, and none is a comment.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from pipeline.errors import UsageError
from pipeline.imaging.sniff import IMAGE_SUFFIXES
from pipeline.sources.heads import suffix_of
from pipeline.sources.remote import is_url
from pipeline.sources.table import ManifestTable
from pipeline.sources.table_rows import MAX_LINE_CHARACTERS, ManifestRow
from pipeline.sources.table_text import TextSurvey, open_text

_PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class PathList(ManifestTable):
    """List of paths as a table of one column."""

    def rows(self) -> Iterator[ManifestRow]:
        """Yield a row a path; empty ones are left out.

        Raises:
            UsageError: the file became unreadable.
        """
        try:
            with open_text(self.path, self.encoding) as handle:
                for number, text in enumerate(_pieces(handle, self.delimiter), start=1):
                    if text.strip():
                        yield _row(number, text)
        except (OSError, UnicodeError) as error:
            raise UsageError(f"cannot read the list {self.path}: {error}") from error


def read_path_list(path: Path, survey: TextSurvey, separator: str) -> PathList:
    """List at `path`, whose paths end at each `separator`."""
    return PathList(path, survey.digest, survey.encoding, separator, 0, ("path",), 0, survey.notes)


def names_a_path(line: str, base: Path) -> bool:
    """Recognise the first line of a list: an address, an image's name, or a file that is there."""
    text = line.strip()
    if not text:
        return False
    if is_url(text) or suffix_of(text) in IMAGE_SUFFIXES:
        return True
    try:
        return (base / text).is_file()
    except (OSError, ValueError):
        return False


def _pieces(handle: TextIO, separator: str) -> Iterator[str]:
    """Texts between separators; of one that is too long the beginning."""
    rest = ""
    while block := handle.read(_PIECE):
        *pieces, rest = (rest + block).split(separator)
        yield from pieces
        rest = rest[: MAX_LINE_CHARACTERS + 1]
    yield rest


def _row(number: int, text: str) -> ManifestRow:
    path = text.rstrip("\r").lstrip("\ufeff")  # lists that were joined have their marks within
    if len(path) > MAX_LINE_CHARACTERS:
        detail = f"line {number} is longer than {MAX_LINE_CHARACTERS:,} characters"
        return ManifestRow(number, (path[:100],), "bad_row", detail)
    return ManifestRow(number, (path,))
