"""Table of images: one row an image, the other columns carried along.

Bad rows stay in the listing with a problem, so that each row of the table has one outcome:
"bad_row", "no_path", "bad_path", "outside_root", "missing_file", "not_a_file", "out_of_reach", or
for a URL "url_not_enabled", "not_downloaded" or what became of its download. A path that comes
again with other columns is a further occurrence; a row that repeats another one wholly is skipped
and counted.

Memory: 8 bytes a row while the table is looked through, and about 200 bytes for each row whose
path comes more than once.
"""

from __future__ import annotations

import hashlib
import os
import re
from array import array
from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from urllib.parse import unquote

from msgspec import Struct
from xxhash import xxh3_64_intdigest

from pipeline.core.skipped_files import EXCLUDED
from pipeline.records import SourceFile
from pipeline.sources.base import (
    Problems,
    SourceListing,
    SourceOptions,
    closed_digest,
    problem_entry,
    stat_token,
    to_path,
    to_text,
)
from pipeline.sources.exclusion import read_exclusion
from pipeline.sources.named_files import NamedFiles
from pipeline.sources.named_objects import NamedObjects
from pipeline.sources.other_names import OtherNames
from pipeline.sources.remote import RemoteFiles, is_url, is_web
from pipeline.sources.table import ManifestTable
from pipeline.sources.table_kinds import read_table
from pipeline.sources.table_rows import ManifestRow

_FILE_ADDRESS = re.compile(r"file:(//(localhost)?/|/(?!/))", re.IGNORECASE)
_OTHER_MACHINE = re.compile(r"file://([^/]+)", re.IGNORECASE)
_REPEATED = "(repeated row)"
_PAGE = 256
"""Rows whose objects are asked for together."""


class ManifestSource:
    """Images that a table names."""

    kind = "manifest"

    def __init__(self, path: Path, options: SourceOptions) -> None:
        """Open a manifest: its header is read and checked, its rows later.

        Raises:
            UsageError: unreadable, empty, or a header that cannot be used; names file and line.
        """
        self.options = options
        self._path = Path(os.path.realpath(path))
        self.table = read_table(self._path, options.path_column, options.encoding, options.earlier)
        self.encoding = self.table.encoding
        self._base = options.base or self._path.parent
        self.locator, self.label = named_by(self._path, options)
        self.columns = tuple(
            name for at, name in enumerate(self.table.header) if at != self.table.path_index
        )
        self.exclusion = read_exclusion(options.exclude)
        self.problems = Problems()
        self.problems.extend(self.table.notes)
        self.complete = True

    def listings(self) -> Iterator[SourceListing]:
        """One listing of the whole table."""
        yield ManifestListing(self.table, self.options, self.problems)

    def urls(self) -> Iterator[str]:
        """List the URLs among the paths, in order, those that come again too."""
        texts = (_path_text(self.table, row) for row in self.table.rows() if not row.problem)
        return filter(is_web, texts)

    def path_of(self, folder: str, name: str) -> str:
        """Openable path of an entry."""
        del folder
        if is_web(name):
            return RemoteFiles(self.options).path_of(name)
        objects = NamedObjects(self.options)
        if objects.names(name):
            return objects.path_of(name)
        path = os.path.normpath(os.path.join(self._base, to_path(name)))  # noqa: PTH118
        return path if os.path.exists(path) else OtherNames().find(path) or path  # noqa: PTH110


def named_by(path: Path, options: SourceOptions) -> tuple[str, str]:
    """Locator and label of a manifest: its place and name, or those of the stream that it was,
    or of the object."""
    if options.origin:
        return to_text(options.origin), to_text(options.origin.rpartition("/")[2])
    if options.base is not None:
        return f"stream:{to_text(options.stream)}", to_text(options.stream)
    return to_text(str(path)), to_text(path.name)


class ManifestListing:
    """Listing of all rows of one table."""

    folder = ""

    def __init__(self, table: ManifestTable, options: SourceOptions, problems: Problems) -> None:
        """Read the table once, for its digest and the paths that are repeated."""
        self.skipped: Counter[str] = Counter()
        self._table = table
        self._exclusion = read_exclusion(options.exclude)
        self._files = NamedFiles(str(options.base or table.path.parent), options)
        self._remote = RemoteFiles(options)
        self._objects = NamedObjects(options)
        hashes = array("Q")
        total = 0
        doubts = _Doubts()
        for row, entry in self._rows():
            doubts.add(row)
            hashes.append(_hash(entry.name))
            # what the columns say is in the table's own digest
            marked = f"{entry.name}\0{entry.problem}" if entry.problem else entry.name
            marked = "\0".join((marked, *entry.flags, *filter(None, [entry.stamp])))
            total += stat_token(marked, entry.size, entry.mtime_ns, entry.inode, entry.ctime_ns)
        sentences = (self._files.sentences(), self._objects.sentences())
        for sentence in chain(doubts.sentences(table.path.name), *sentences):
            if sentence not in problems:
                problems.add(sentence)
        self._repeated = _repeated(hashes)
        self.digest = closed_digest(
            total, table.digest, table.header, options, *self._exclusion.facts
        )

    def entries(self) -> Iterator[SourceFile]:
        """One entry a row, in the table's order, but for rows that repeat another wholly.

        Raises:
            UsageError: the table became unreadable.
        """
        self.skipped = Counter()
        occurrences: Counter[bytes] = Counter()
        recorded: set[bytes] = set()
        for row, entry in self._rows():
            if self._exclusion and self._exclusion.excludes_within(to_path(entry.name)):
                self.skipped[EXCLUDED] += 1
                continue
            if _hash(entry.name) in self._repeated:
                values = row.fields if row.problem else (entry.columns or {}).items()
                row_digest = _digest(repr((entry.name, entry.problem, *values)))
                if row_digest in recorded:
                    self.skipped[_REPEATED] += 1
                    continue
                recorded.add(row_digest)
                key = _digest(entry.name)
                entry = _again(entry, occurrences[key])
                occurrences[key] += 1
            yield entry

    def _rows(self) -> Iterator[tuple[ManifestRow, SourceFile]]:
        """Rows with their entries; the objects of a page are asked for together."""
        rows = self._table.rows()
        while page := list(islice(rows, _PAGE)):
            texts = [_path_text(self._table, row) for row in page]
            are_objects = [bool(text) and self._objects.names(text) for text in texts]
            if any(are_objects):
                rows_of_objects = zip(page, texts, are_objects, strict=True)
                self._objects.ask(
                    text for row, text, is_one in rows_of_objects if is_one and not row.problem
                )
            for row, text, is_object in zip(page, texts, are_objects, strict=True):
                yield row, self._entry(row, text, is_object=is_object)

    def _entry(self, row: ManifestRow, text: str, *, is_object: bool) -> SourceFile:
        table = self._table
        fields = row.fields
        where = f"{table.unit} {row.line}"
        if row.problem:
            return problem_entry(to_text(text) or where, row.problem, row.detail)
        columns = {
            name: value
            for at, (name, value) in enumerate(zip(table.header, fields, strict=True))
            if at != table.path_index and value is not None
        }
        if not text:
            return problem_entry(where, "no_path", f"{where} names no file", columns)
        if "\0" in "".join(filter(None, fields)):
            detail = f"{where} holds a zero byte"
            return problem_entry(text.replace("\0", "\N{REPLACEMENT CHARACTER}"), "bad_row", detail)
        if is_object:
            return self._objects.entry(text, columns, where)
        if "://" in text and (other := _OTHER_MACHINE.match(text)):
            detail = f"{where}: a file of the machine {other[1]}, which this one does not open"
            return problem_entry(text, "missing_file", detail, columns)
        if "://" in text and is_url(text):
            return self._remote.entry(text, columns, where)
        bare = fields[table.path_index] or ""
        if bare != text and self._files.has(bare) and not self._files.has(text):
            text = bare  # blanks around a path are nobody's, unless a file is called so
        return self._files.entry(text, columns, where)


class _Doubts(Struct):
    """Rows whose quotation marks may mean something else."""

    count: int = 0
    first: str = ""

    def add(self, row: ManifestRow) -> None:
        if row.doubt:
            self.count += 1
            self.first = self.first or row.doubt

    def sentences(self, name: str) -> list[str]:
        if not self.count:
            return []
        several = f" (and {self.count - 1:,} more)" if self.count > 1 else ""
        return [f"{name} has quotation marks that do not pair: {self.first}{several}"]


def _path_text(table: ManifestTable, row: ManifestRow) -> str:
    text = row.fields[table.path_index] if len(row.fields) > table.path_index else None
    text = (text or "").strip()
    local = _FILE_ADDRESS.match(text) if ":" in text else None
    return unquote(text[local.end() - 1 :]) if local else text


def _again(entry: SourceFile, occurrence: int) -> SourceFile:
    return entry._replace(occurrence=occurrence)


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).digest()


def _hash(text: str) -> int:
    """Number of a text, which another one may have too."""
    return xxh3_64_intdigest(text.encode("utf-8", "surrogateescape"))


def _repeated(hashes: array[int]) -> frozenset[int]:
    """Values that come more than once."""
    import numpy as np

    ordered = np.frombuffer(hashes, dtype=np.uint64)
    ordered.sort()
    return frozenset(ordered[1:][ordered[1:] == ordered[:-1]].tolist())
