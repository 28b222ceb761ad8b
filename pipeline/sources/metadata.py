"""Metadata of pictures as columns of any source, for prompts that name them.

They are read while the source is listed, and only of folders that have changed: a picture whose
file is as it was keeps what was read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path, PurePosixPath

from pipeline.core.image_metadata import FOLDER, picture_metadata
from pipeline.core.stored_address import is_file
from pipeline.records import SourceFile
from pipeline.sources.base import Source, SourceListing, to_path
from pipeline.sources.marked_listing import MarkedListing
from pipeline.system.regular_file import open_regular

_ABILITIES = ("encoding", "exclusion", "urls")  # of DecodesText, LeavesOut, NamesUrls
_HEAD, _TAIL = 1 << 19, 1 << 17  # bytes in which metadata are looked for


class MetadataSource:
    """Source whose images carry metadata as columns; what else it can do is that of `inner`."""

    def __init__(self, inner: Source, names: tuple[str, ...]) -> None:
        """Add the columns `names`."""
        self.inner, self.names = inner, names
        self.kind, self.locator, self.label = inner.kind, inner.locator, inner.label
        self.columns = (*inner.columns, *names)
        self.problems, self.complete = inner.problems, inner.complete

    def listings(self) -> Iterator[SourceListing]:
        """Source's listings, with the columns."""
        try:
            for listing in self.inner.listings():
                yield MetadataListing(listing, self.names)
        finally:
            self.problems, self.complete = self.inner.problems, self.inner.complete

    def path_of(self, folder: str, name: str) -> str:
        """Openable path of an entry."""
        return self.inner.path_of(folder, name)


def metadata_source(inner: Source, names: tuple[str, ...]) -> MetadataSource:
    """Source with the columns `names` that shows of what else a source can be what `inner` is.

    From Python 3.12 on a protocol is not looked for by `__getattr__`.
    """
    shown = {
        name: property(attrgetter(f"inner.{name}")) for name in _ABILITIES if hasattr(inner, name)
    }
    kind: type[MetadataSource] = type("MetadataSource", (MetadataSource,), shown)
    return kind(inner, names)


class MetadataListing(MarkedListing):
    """Listing whose entries carry metadata."""

    def __init__(self, inner: SourceListing, names: tuple[str, ...]) -> None:
        super().__init__(inner, "\0".join(names).encode())
        self._names = names

    def entries(self) -> Iterator[SourceFile]:
        """Images, each with its columns."""
        for entry in self.inner.entries():
            columns = metadata_columns(entry, self._names) | dict(entry.columns or {})
            yield entry._replace(columns=columns)


def metadata_columns(entry: SourceFile, names: tuple[str, ...]) -> dict[str, str]:
    """Values of the names that an entry has."""
    values = {}
    if FOLDER in names:
        below = str(PurePosixPath(entry.folder, entry.name).parent)
        values[FOLDER] = "" if below == "." else below
    others = tuple(name for name in names if name != FOLDER)
    if others and not entry.problem and entry.location and is_file(entry.location):
        values |= _read(to_path(entry.location), others)
    return values


def _read(path: str, names: tuple[str, ...]) -> dict[str, str]:
    """Metadata of a file, {} when it cannot be read: its preparation says why."""
    try:
        with open_regular(Path(path)) as stream:
            descriptor = stream.fileno()
            size = os.fstat(descriptor).st_size
            head = os.pread(descriptor, _HEAD, 0)
            if size > len(head):
                head += os.pread(descriptor, _TAIL, max(len(head), size - _TAIL))
            return picture_metadata(
                names, head, lambda at, length: os.pread(descriptor, length, at)
            )
    except (OSError, ValueError):
        return {}
