"""Images in a Parquet table, read where they lie.

An image is a value of binary, a struct whose `bytes` are (what Hugging Face's `datasets` writes),
or an element of a list of either. Rows are read in small batches, in order; of each column the last
batches are held, so that reading all rows in order reads each row group once, however large.
"""

from __future__ import annotations

import json
import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import accumulate
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct, field

from pipeline.core.reasons import rejection
from pipeline.records import Rejection
from pipeline.storage.containers.member import ContainerError, ImageRow

BATCH_BYTES = 4 << 20
_HELD_BYTES = 64 << 20
_MOST_ROWS = 1024
_BUFFER = 1 << 20
_SCANNED_ROWS = 10_000
READ_ERRORS = (pa.ArrowException, OSError, ValueError, OverflowError)
"""What pyarrow raises at damage."""

_FromGroup = Callable[[], Iterator[tuple[int, pa.Array]]]


class ImageColumn(NamedTuple):
    """Column that may hold images.

    Attributes:
        many: each row has a list of them.
        declared: the table itself says that they are images (True) or are not (False); None: it
            says nothing.
    """

    name: str
    many: bool
    declared: bool | None


class ParquetTable:
    """Open table. Threads may share it."""

    def __init__(self, path: str) -> None:
        """Open it and read its footer.

        Raises:
            OSError: it cannot be read.
            ContainerError: it is damaged, or encrypted.
        """
        self._lock = threading.Lock()
        try:
            self._file = pq.ParquetFile(pa.OSFile(path), buffer_size=_BUFFER, pre_buffer=False)
        except FileNotFoundError:
            raise
        except READ_ERRORS as error:
            if "encrypted" in str(error).lower():
                raise ContainerError("it is encrypted: write it without encryption") from None
            raise ContainerError(f"it is no whole Parquet table: {error}") from None
        self.schema: pa.Schema = self._file.schema_arrow
        groups = (self._file.metadata.row_group(n) for n in range(self._file.num_row_groups))
        self._ends = list(accumulate(group.num_rows for group in groups))
        self.rows = self._ends[-1] if self._ends else 0
        self._open: dict[str, _Window] = {}
        self._candidates = {column.name: column for column in candidates(self.schema)}

    def candidates(self) -> tuple[ImageColumn, ...]:
        """Columns that may hold images."""
        return tuple(self._candidates.values())

    def first_values(self, column: ImageColumn, most: int) -> list[bytes | str]:
        """First values of a column, of its first rows: images, or names in their place.

        Raises:
            ContainerError: they cannot be read.
        """
        values: list[bytes | str] = []
        try:
            for first, batch in self._batches(column.name, 0):
                for at in range(len(batch)):
                    value = _value(batch[at], 0 if column.many else None)
                    if value:
                        values.append(value)
                    if len(values) >= most:
                        return values
                if first >= _SCANNED_ROWS:
                    break
        except READ_ERRORS as error:
            raise ContainerError(f"its column {column.name} cannot be read: {error}") from None
        return values

    def lengths(self, column: ImageColumn) -> Iterator[int]:
        """Number of images of each row of a column of lists."""
        for _, batch in self._batches(column.name, 0):
            for at in range(len(batch)):
                yield len(batch[at].values or ()) if batch[at].is_valid else 0

    def batches(self, names: list[str]) -> Iterator[pa.RecordBatch]:
        """Rows of some columns, in order, a few at a time."""
        yield from self._file.iter_batches(batch_size=_MOST_ROWS, columns=names, use_threads=False)

    def read(self, name: str, most: int) -> bytes | Rejection:
        """Bytes of the image at a place, as `ImageRow` writes it."""
        row, _, rest = name.partition("/")
        many = rest not in self._candidates
        try:
            place = ImageRow.parse(name, many=many)
        except ValueError:
            place = ImageRow(-1, "")
        if place.column not in self._candidates or not 0 <= place.row < self.rows:
            return rejection("vanished", f"the table has no {row}")
        with self._lock:
            value = self._at(place)
        if isinstance(value, bytes) and len(value) > most:
            return rejection("too_large_file", f"{len(value):,} bytes")
        if isinstance(value, str):
            return rejection("no_image", f"only the name of one, {value[:200]}" if value else "")
        return value

    def _at(self, place: ImageRow) -> bytes | str | Rejection:
        window = self._open.setdefault(place.column, _Window())
        group = bisect_right(self._ends, place.row)
        if (words := window.damage(place.row, group)) is None:
            try:
                first = self._ends[group - 1] if group else 0
                batches = partial(self._batches, place.column, group)
                return _value(window.scalar(place.row, first, batches), place.element)
            except READ_ERRORS as error:
                words = window.note_damage(group, str(error))
        return rejection("damaged", words)

    def _batches(self, column: str, group: int) -> Iterator[tuple[int, pa.Array]]:
        """(first row, values) of the row groups from one on, as many rows as go into a batch."""
        metadata = self._file.metadata
        for number in range(group, len(self._ends)):
            first = self._ends[number - 1] if number else 0
            rows = self._ends[number] - first
            size = metadata.row_group(number).total_byte_size
            batch_rows = max(1, min(_MOST_ROWS, BATCH_BYTES * rows // max(size, 1)))
            for batch in self._file.iter_batches(
                batch_size=batch_rows, row_groups=[number], columns=[column], use_threads=False
            ):
                yield first, batch.column(0)
                first += len(batch)


class _Window(Struct):
    """Last batches of one column, and what comes after them."""

    batches: deque[tuple[int, pa.Array]] = field(default_factory=deque)
    coming: Iterator[tuple[int, pa.Array]] | None = None
    damaged: dict[int, tuple[int, str]] = field(default_factory=dict)

    def scalar(self, row: int, first_of_group: int, from_group: _FromGroup) -> pa.Scalar:
        """Value of a row; `from_group()` gives the batches of its row group and of those after."""
        behind = not self.batches or row < self.batches[0][0]
        if self.coming is None or behind or first_of_group > self._end():
            self.batches.clear()
            self.coming = from_group()
        while not self.batches or row >= self._end():
            batch = next(self.coming, None)
            if batch is None:
                raise ValueError("it has fewer rows than its footer says")
            self.batches.append(batch)
            self._let_go()
        first, values = next(one for one in reversed(self.batches) if one[0] <= row)
        return values[row - first]

    def damage(self, row: int, group: int) -> str | None:
        """Words for damage of a row group before a row, None for none."""
        first, words = self.damaged.get(group, (row + 1, ""))
        return words if row >= first else None

    def note_damage(self, group: int, words: str) -> str:
        """Note that a row group cannot be read any further."""
        self.damaged[group] = (self._end() if self.batches else 0, words)
        self.batches.clear()
        self.coming = None
        return words

    def _end(self) -> int:
        first, values = self.batches[-1]
        return first + len(values)

    def _let_go(self) -> None:
        """Drop the first batches, as long as two are left and the others are enough."""
        while len(self.batches) > 2 and sum(v.nbytes for _, v in self.batches) > _HELD_BYTES:
            self.batches.popleft()


def candidates(schema: pa.Schema) -> Iterator[ImageColumn]:
    """Columns of a schema whose type can hold images."""
    declared = _declared(schema)
    for entry in schema:
        kind, many = entry.type, False
        if _is_list(kind):
            kind, many = kind.value_type, True
        if _is_binary(kind) or _has_bytes(kind):
            yield ImageColumn(entry.name, many, declared.get(entry.name))


def _declared(schema: pa.Schema) -> dict[str, bool]:
    """Columns that Hugging Face's `datasets` declares to be images, or something else."""
    declared = {}
    for name, feature in features(schema).items():
        inner = feature.get("feature", feature)
        kind = inner.get("_type") if isinstance(inner, dict) else None
        if kind in ("Image", "Audio", "Video", "Pdf", "Nifti", "Mesh"):
            declared[name] = kind == "Image"
    return declared


def features(schema: pa.Schema) -> Mapping[str, Any]:
    """Features of a table that `datasets` wrote, {} for others."""
    try:
        noted = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        of_columns = noted.get("info", {}).get("features", {})
        return {n: f for n, f in of_columns.items() if isinstance(f, dict)}
    except (ValueError, AttributeError):
        return {}


def _is_list(kind: pa.DataType) -> bool:
    lists = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return any(is_kind(kind) for is_kind in lists)


def _is_binary(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    of_bytes = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view)
    return any(is_kind(kind) for is_kind in of_bytes)


def _has_bytes(kind: pa.DataType) -> bool:
    return pa.types.is_struct(kind) and any(e.name == "bytes" and _is_binary(e.type) for e in kind)


def _value(scalar: pa.Scalar, element: int | None) -> bytes | str:
    """Bytes of an image, or the name that stands in their place, "" for none."""
    if element is not None:
        values = scalar.values if scalar.is_valid else None
        if values is None or element >= len(values):
            return ""
        scalar = values[element]
    value = scalar.as_py()
    if isinstance(value, dict):
        path = value.get("path")
        value = value["bytes"] if value["bytes"] is not None else path
    return value if isinstance(value, bytes | str) else ""
