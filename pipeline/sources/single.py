"""One image file as a source of one image."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.imaging.sniff import IMAGE_SUFFIXES
from pipeline.records import SourceFile
from pipeline.sources.base import (
    Problems,
    SourceListing,
    SourceOptions,
    Stamp,
    entry_digest,
    stamp_of,
    to_text,
)
from pipeline.sources.heads import is_image_file, suffix_of
from pipeline.sources.source_set import NotImages


class FileListing:
    """Only listing of a single file."""

    folder = ""

    def __init__(self, path: str, stamp: Stamp) -> None:
        status = os.stat(path)  # noqa: PTH116
        name = to_text(os.path.basename(path))  # noqa: PTH119
        self._entry = SourceFile(
            "", name, to_text(path), status.st_size, status.st_mtime_ns, status.st_ino,
            ctime_ns=stamp_of(status, stamp),
        )  # fmt: skip
        self.digest = entry_digest([self._entry])
        self.skipped: Counter[str] = Counter()

    def entries(self) -> Iterator[SourceFile]:
        """One image."""
        yield self._entry


class FileSource:
    """Single image."""

    kind = "file"
    columns: tuple[str, ...] = ()

    def __init__(self, path: Path, options: SourceOptions) -> None:
        """Open `path`.

        Raises:
            UsageError: unreadable, or no image by suffix and content.
        """
        self._path, self._stamp = os.path.realpath(path), options.stamp
        known = suffix_of(self._path) in (options.extensions or IMAGE_SUFFIXES)
        try:
            is_image = is_image_file(self._path)
        except OSError as error:
            raise UsageError(f"cannot read {path}: {error.strerror}") from error
        if not known and (options.extensions or not is_image):
            raise NotImages(
                f"{path} is neither a folder nor an image; a table of images is given "
                "with --manifest"
            )
        self.locator = to_text(self._path)
        self.label = to_text(os.path.basename(self._path))  # noqa: PTH119
        self.problems = Problems()
        self.complete = True

    def listings(self) -> Iterator[SourceListing]:
        """One listing of one file."""
        self.problems, self.complete = Problems(), True
        try:
            yield FileListing(self._path, self._stamp)
        except OSError as error:
            self.complete = False
            self.problems.add(f"cannot read {self.locator}: {error.strerror}")

    def path_of(self, folder: str, name: str) -> str:
        """File itself, whatever is asked for."""
        del folder, name
        return self._path
