"""Images inside the rows of a Parquet table, e.g. of a Hugging Face data set, read in place.

A row is `row-000000017/image`, with one entry for each of its columns of images, or for each image
of a list. The other columns are carried on as text.
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core.skipped_files import EXCLUDED
from pipeline.errors import UsageError
from pipeline.imaging.sniff import sniff_head
from pipeline.records import SourceFile
from pipeline.sources.base import (
    Problems,
    SourceListing,
    SourceOptions,
    stamp_of,
    to_path,
    to_text,
)
from pipeline.sources.container_file import ContainerFile
from pipeline.storage.containers.member import ContainerError, ImageRow
from pipeline.storage.containers.readers import container_stamp

_MAGIC = (b"PAR1", b"PARE")
_TRIED = 8  # values of a column of bytes that tell whether it holds images

if TYPE_CHECKING:
    from pipeline.storage.containers.parquet_images import ImageColumn, ParquetTable


def is_parquet(path: Path) -> bool:
    """Recognise a Parquet table by its first bytes.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return file.read(4) in _MAGIC


def has_image_column(path: Path) -> bool:
    """Tell whether a Parquet table holds images, and not just their paths.

    Raises:
        UsageError: it cannot be read.
    """
    with _readable(path) as table:
        return bool(image_columns(table))


def image_columns(table: ParquetTable) -> tuple[ImageColumn, ...]:
    """Columns that hold images: the table says so, or their first values are some.

    Raises:
        ContainerError: they cannot be read.
    """
    return tuple(column for column in table.candidates() if _holds_images(table, column))


def _holds_images(table: ParquetTable, column: ImageColumn) -> bool:
    if column.declared is False:
        return False
    values = table.first_values(column, _TRIED)
    if column.declared:  # a table that names its images and does not hold them is a manifest
        return not values or any(isinstance(value, bytes) for value in values)
    return any(isinstance(value, bytes) and sniff_head(value) for value in values)


def _paths_alone(table: ParquetTable) -> str:
    """Words on a column with the paths of images alone, as data sets are saved, "" for none."""
    for column in table.candidates():
        values = table.first_values(column, 1) if column.declared else []
        if values and isinstance(values[0], str):
            return f": its column {column.name} holds only their paths, such as {values[0][:200]}"
    return ""


@contextlib.contextmanager
def _readable(path: str | Path) -> Iterator[ParquetTable]:
    """Open table, whose damage is told as errors of the user."""
    from pipeline.storage.containers.parquet_images import ParquetTable

    try:
        yield ParquetTable(str(path))
    except (OSError, ContainerError) as error:
        words = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"cannot read {path}: {words}") from error


class ParquetSource(ContainerFile):
    """Images in a table's rows."""

    kind = "parquet"

    def __init__(self, path: Path, options: SourceOptions) -> None:
        """Open a table; its rows are listed later.

        Raises:
            UsageError: it cannot be read, or holds no images.
        """
        from pipeline.storage.containers.parquet_text import TextColumns

        super().__init__(path, options)
        with _readable(self.real_path) as table:
            self.images = image_columns(table)
            self.columns = TextColumns(table, {image.name for image in self.images}).names
            if not self.images:
                raise UsageError(
                    f"{path} has no column of images{_paths_alone(table)}; a table of their paths "
                    "is given with --manifest"
                )

    def listings(self) -> Iterator[SourceListing]:
        """One listing of all rows."""
        self.problems, self.complete = Problems(), True
        try:
            yield ParquetListing(self, os.stat(self.real_path))  # noqa: PTH116
        except OSError as error:
            self.complete = False
            self.problems.add(f"cannot read {self.locator}: {error.strerror}")


class ParquetListing:
    """Listing of all rows of a table."""

    folder = ""

    def __init__(self, source: ParquetSource, status: os.stat_result) -> None:
        self.skipped: Counter[str] = Counter()
        self._source, self._status = source, status
        self.digest = source.digest(status, source.images, source.columns)

    def entries(self) -> Iterator[SourceFile]:
        """One entry an image, in the order of the rows.

        Raises:
            UsageError: the table became unreadable.
        """
        from pipeline.storage.containers.parquet_images import READ_ERRORS
        from pipeline.storage.containers.parquet_text import TextColumns

        source, path = self._source, to_path(self._source.locator)
        self.skipped = Counter()
        if not os.path.exists(path):  # noqa: PTH110
            source.complete = False  # gone since: the next crawl says so
            return
        try:
            with _readable(path) as table:
                texts = TextColumns(table, {image.name for image in source.images})
                lengths = [
                    table.lengths(image) if image.many else repeat(None) for image in source.images
                ]
                for row, (columns, *counts) in enumerate(zip(texts.rows(), *lengths, strict=False)):
                    for image, count in zip(source.images, counts, strict=True):
                        for element in (None,) if count is None else range(count):
                            place = ImageRow(row, image.name, element)
                            if source.exclusion and source.exclusion.excludes(str(place)):
                                self.skipped[EXCLUDED] += 1
                            else:
                                yield self._entry(place, columns)
        except READ_ERRORS as error:
            raise UsageError(f"cannot read {source.locator}: {error}") from error

    def _entry(self, place: ImageRow, columns: dict[str, str]) -> SourceFile:
        name, status = to_text(str(place)), self._status
        return SourceFile(
            "",
            name,
            to_text(self._source.path_of("", name)),
            status.st_size,
            status.st_mtime_ns,
            status.st_ino,
            columns=columns,
            ctime_ns=stamp_of(status, self._source.options.stamp),
            stamp=container_stamp(status),
        )
