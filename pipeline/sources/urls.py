"""Text file of URLs: one a line, "#" begins a comment line, blank lines are left out.

A line that is no URL stays in the listing with the problem "bad_url". Otherwise it is a manifest
of one column: the same rules for lines that come again, the same memory. A list in UTF-16, as
Windows writes it, is read by its mark.
"""

from __future__ import annotations

import codecs
import hashlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from pipeline.core.encodings import wide_encoding
from pipeline.errors import UsageError
from pipeline.sources.base import Problems, SourceListing, SourceOptions, to_path
from pipeline.sources.manifest import ManifestListing, named_by
from pipeline.sources.remote import RemoteFiles, is_url, is_web
from pipeline.sources.table import ManifestTable
from pipeline.sources.table_rows import MAX_LINE_CHARACTERS, ManifestRow

_HEAD = 1 << 16
_TABLES = (".csv", ".tsv", ".tab")
_UTF_8 = "utf-8"


class UrlSource:
    """Images at the URLs of a list."""

    kind = "urls"
    columns: tuple[str, ...] = ()

    def __init__(self, path: Path, options: SourceOptions) -> None:
        """Open a list; its lines are read later.

        Raises:
            UsageError: it cannot be read, or is no UTF-8 text.
        """
        self.options = options
        self.list = read_list(Path(os.path.realpath(path)))
        self.locator, self.label = named_by(self.list.path, options)
        self.problems = Problems()
        self.complete = True
        self._remote = RemoteFiles(options)

    def listings(self) -> Iterator[SourceListing]:
        """One listing of the whole list."""
        yield ManifestListing(self.list, self.options, self.problems)

    def urls(self) -> Iterator[str]:
        """List the URLs in order, those that come again too."""
        return filter(is_web, (row.fields[0] or "" for row in self.list.rows() if not row.problem))

    def path_of(self, folder: str, name: str) -> str:
        """Openable path of an entry's download, or the address of an object."""
        del folder
        return self._remote.path_of(name) if is_web(name) else to_path(name)


class UrlList(ManifestTable):
    """List of URLs as a table of one column."""

    __slots__ = ()

    def rows(self) -> Iterator[ManifestRow]:
        """One row a line that is neither blank nor a comment.

        Raises:
            UsageError: a line is too long to be a URL, or the file became unreadable.
        """
        try:
            with self.path.open("rb") as handle:
                number = 0
                lines = handle if self.encoding == _UTF_8 else _Recoded(handle, self.encoding)
                while line := lines.readline(MAX_LINE_CHARACTERS + 1):
                    number += 1
                    if len(line) > MAX_LINE_CHARACTERS:
                        raise UsageError(
                            f"{self.path} line {number} is longer than {MAX_LINE_CHARACTERS:,} "
                            "characters: this is not a list of URLs"
                        )
                    if number == 1:
                        line = line.removeprefix(codecs.BOM_UTF8)
                    text = line.strip()
                    if text and not text.startswith(b"#"):
                        yield _row(number, text)
        except OSError as error:
            raise UsageError(f"cannot read the list {self.path}: {error.strerror}") from error


class _Recoded:
    """Lines of a text in another encoding, as UTF-8; what is damaged becomes U+FFFD."""

    def __init__(self, handle: BinaryIO, encoding: str) -> None:
        self._text = io.TextIOWrapper(handle, encoding, errors="replace", newline="\n")

    def readline(self, most: int) -> bytes:
        """Next line with its end, or `most` characters of it; b"" at the end."""
        return self._text.readline(most).encode("utf-8", "replace")


def read_list(path: Path) -> UrlList:
    """Look through a list once.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        with path.open("rb") as handle:
            encoding = wide_encoding(handle.read(_HEAD)) or _UTF_8
            handle.seek(0)
            hasher = hashlib.file_digest(handle, lambda: hashlib.blake2b(digest_size=32))
    except OSError as error:
        raise UsageError(f"cannot read the list {path}: {error.strerror}") from error
    return UrlList(
        path=path,
        digest=hasher.digest(),
        encoding=encoding,
        delimiter="\n",
        header_line=0,
        header=("url",),
        path_index=0,
    )


def is_url_list(path: Path) -> bool:
    """Recognise a regular file, not named as a table, whose first line that counts is a URL."""
    if path.suffix.lower() in _TABLES:
        return False
    try:
        if not path.is_file():
            return False
        with path.open("rb") as handle:
            head = handle.read(_HEAD)
    except (OSError, ValueError):
        return False
    if wide := wide_encoding(head):
        head = head.decode(wide, "replace").encode("utf-8", "replace")
    for line in head.removeprefix(codecs.BOM_UTF8).split(b"\n"):
        text = line.strip()
        if text and not text.startswith(b"#"):
            return text.lower().startswith((b"http://", b"https://"))
    return False


def _row(number: int, line: bytes) -> ManifestRow:
    text = line.decode("utf-8", "replace")
    if "\N{REPLACEMENT CHARACTER}" in text:
        return ManifestRow(number, (text,), "bad_url", f"line {number} is not UTF-8")
    if not is_url(text):
        return ManifestRow(
            number, (text,), "bad_url", f"line {number} is no URL: one begins with https://"
        )
    return ManifestRow(number, (text,))
