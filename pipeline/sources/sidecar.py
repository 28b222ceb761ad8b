"""Texts beside images (`cat.jpg`, `cat.txt`) as a column `sidecar` of a folder or a single image.

A prompt can name it as {sidecar}. The text is part of the rendered prompt, so another text is
another request; an image without a text has an empty one.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pipeline.records import SourceFile
from pipeline.sources.base import Source, SourceListing, to_path

COLUMN = "sidecar"
_MOST_BYTES = 16_384  # more is no context for a caption, and is cut


class SidecarListing:
    """A listing whose entries carry the text beside them."""

    def __init__(self, inner: SourceListing, *, single: bool) -> None:
        self._inner = inner
        self.folder = inner.folder
        # a folder's digest counts all of its files, the texts too; a single file's does not
        texts = "".join(text_beside(entry.location) for entry in inner.entries()) if single else ""
        marked = inner.digest + COLUMN.encode() + texts.encode("utf-8", "surrogatepass")
        self.digest = hashlib.blake2b(marked, digest_size=32).digest()

    @property
    def skipped(self) -> Counter[str]:
        """Counts of the listing's skipped files."""
        return self._inner.skipped

    def entries(self) -> Iterator[SourceFile]:
        """The images, each with its column."""
        for entry in self._inner.entries():
            yield replace(entry, columns={COLUMN: text_beside(entry.location)})


class SidecarSource:
    """A folder or a single image with the texts beside."""

    columns: tuple[str, ...] = (COLUMN,)

    def __init__(self, inner: Source) -> None:
        self._inner = inner
        self.kind, self.locator, self.label = inner.kind, inner.locator, inner.label
        self.problems, self.complete = inner.problems, inner.complete

    def listings(self) -> Iterator[SourceListing]:
        """The source's listings, with the column."""
        try:
            for listing in self._inner.listings():
                yield SidecarListing(listing, single=self.kind == "file")
        finally:
            self.problems, self.complete = self._inner.problems, self._inner.complete

    def path_of(self, folder: str, name: str) -> str:
        """The openable path of an entry."""
        return self._inner.path_of(folder, name)


def text_beside(location: str) -> str:
    """The text beside a file (stored text of its path), "" where there is none to read."""
    path = Path(to_path(location)).with_suffix(".txt")
    try:
        # no links: one to somebody's key would send it to the service
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(path, flags)
    except (OSError, ValueError):
        return ""
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return ""
        data = os.read(descriptor, _MOST_BYTES)
    except OSError:
        return ""
    finally:
        os.close(descriptor)
    return data.decode("utf-8-sig", "replace").replace("\0", " ").strip()
