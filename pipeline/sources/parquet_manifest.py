"""Parquet tables that name images: read by row groups, one batch of rows in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import UsageError
from pipeline.sources.table import ManifestTable, checked_names, path_index
from pipeline.sources.table_rows import MAX_FIELD, ManifestRow
from pipeline.sources.table_text import bytes_digest
from pipeline.sources.table_values import has_long_field, text_of

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH = 1_000
_OURS = frozenset({"source_id", "content_id", "spec_id", "work_key", "model_caption"})


@dataclass(frozen=True, slots=True)
class ParquetManifest(ManifestTable):
    """Parquet table with a column of paths."""

    @property
    def unit(self) -> str:
        """Word for what rows are counted by."""
        return "row"

    def rows(self) -> Iterator[ManifestRow]:
        """Yield all rows, counted from 1.

        Raises:
            UsageError: the file became unreadable.
        """
        number = 0
        for batch in _batches(self.path):
            columns = [column.to_pylist() for column in batch.columns]
            for values in zip(*columns, strict=True):
                number += 1
                yield self._row(number, values)

    def _row(self, number: int, values: tuple[object, ...]) -> ManifestRow:
        at, name = self.path_index, self.header[self.path_index]
        path = _named_alone(values[at])
        values = (*values[:at], path, *values[at + 1 :])
        if not (path is None or isinstance(path, (str, bytes))):
            return ManifestRow(number, (), "bad_row", f"row {number}: {name} is no text")
        fields = tuple(map(text_of, values))
        if has_long_field(fields):
            detail = f"row {number} has a value of more than {MAX_FIELD:,} characters"
            return ManifestRow(number, (), "bad_row", detail)
        if path is None:
            fields = (*fields[:at], "", *fields[at + 1 :])
        return ManifestRow(number, fields)


def _named_alone(value: object) -> object:
    """Path of an image of Hugging Face's `datasets` that is only named; other values are as they
    are."""
    is_image = isinstance(value, dict) and value.keys() == {"bytes", "path"}
    return value["path"] if is_image and value["bytes"] is None else value  # type: ignore[index]


def read_parquet(path: Path, path_column: str | None) -> ParquetManifest:
    """Read the names of a Parquet table's columns.

    Raises:
        UsageError: damaged, without a column of paths, or a table of captions that this program
            wrote, unless its column of paths is named.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        names = pq.read_schema(path).names
        digest = bytes_digest(path)
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error
    if path_column is None and _OURS.issubset(names):
        raise UsageError(
            f"{path} is a table of captions that captionmill wrote, no list of images to caption: "
            "name the folder or table that it is about; '--path-column location' captions the "
            "files that it names"
        )
    header = checked_names(str(path), names)
    return ParquetManifest(
        path, digest, "", "", 0, header, path_index(str(path), header, path_column)
    )


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(_BATCH)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> UsageError:
    words = " ".join(str(error).split())[:200]
    return UsageError(f"cannot read the manifest {path}: {words}")
