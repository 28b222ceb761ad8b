"""Writers of Parquet files by row groups: one makes all of them, one copies what has not changed.

Beside the footer's own facts a file names its row groups, each by a checksum of its rows and one
of its bytes, so that the next file may take them from it.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct
from xxhash import xxh3_128

from pipeline.errors import BooksError
from pipeline.sinks.parquet_footer import (
    GroupPlace,
    footer_bytes,
    group_place,
    move_group,
    read_footer,
)
from pipeline.sinks.row_groups import RowGroup

ROW_GROUPS = "captionmill.row_groups"
_FEWEST_GROUPS = 2  # else nothing is gained
_FORMAT = f"2 pyarrow {pa.__version__}"  # another library may write the same cells otherwise


class GroupWriter(Protocol):
    """Writer of a file; `made` are the numbers of the row groups that are not copies, and `copies`
    tells whether there may be any."""

    made: list[int]
    copies: bool

    def add(self, group: RowGroup) -> None:
        """Add one row group."""
        ...


class _Earlier(Struct, frozen=True):
    """Row group of the file that is replaced."""

    group: Any
    place: GroupPlace
    checksum: str


@contextmanager
def open_writer(
    handle: BinaryIO, earlier: Path | None, schema: Any, dictionaries: Sequence[str]
) -> Iterator[GroupWriter]:
    """Open a writer into `handle` that takes what it can from the file `earlier`."""
    options = _options(dictionaries)
    made_as = _made_as(options, schema)
    if earlier is None or len(_group_names(earlier, made_as)) < _FEWEST_GROUPS:
        new = _NewFile(handle, schema, options, made_as)
        try:
            yield new
        except BaseException:
            new.abandon()
            raise
        new.finish()
        return
    with open_merged(handle, earlier, schema, dictionaries) as merged:
        yield merged


@contextmanager
def open_merged(
    handle: BinaryIO, earlier: Path, schema: Any, dictionaries: Sequence[str]
) -> Iterator[MergedFile]:
    """Open a writer into `handle` of which some groups are those of the file `earlier`, which has
    some; see `rows_of_groups`."""
    options = _options(dictionaries)
    made_as = _made_as(options, schema)
    with earlier.open("rb") as source:
        names = _group_names(earlier, made_as)
        merged = MergedFile(handle, source, schema, options, made_as, names)
        yield merged
        merged.finish()


def rows_of_groups(path: Path, schema: Any, dictionaries: Sequence[str]) -> list[int]:
    """Rows of each row group that a file made the same way may take over; [] where there are none,
    or where there is nothing to gain."""
    names = _group_names(path, _made_as(_options(dictionaries), schema))
    if len(names) < _FEWEST_GROUPS:
        return []
    with pa.OSFile(os.fsencode(path)) as file:
        footer = pq.read_metadata(file)
    return [footer.row_group(number).num_rows for number in range(footer.num_row_groups)]


def _options(dictionaries: Sequence[str]) -> dict[str, Any]:
    return {
        "compression": "zstd",
        "compression_level": 1,  # two thirds of the time of 3, for a file that is 1 % larger
        "use_dictionary": list(dictionaries),
        "write_page_checksum": True,
    }


def _made_as(options: Mapping[str, Any], schema: Any) -> str:
    """Checksum of the way in which a file is made."""
    data = f"{_FORMAT} {options}".encode() + schema.serialize().to_pybytes()
    return xxh3_128(data).hexdigest()


def _group_names(path: Path, made_as: str) -> list[tuple[str, str]]:
    """(checksum of its rows, checksum of its bytes) of each row group of a file that was made the
    same way; [] for another file."""
    try:
        with pa.OSFile(os.fsencode(path)) as file:
            named = json.loads(pq.read_metadata(file).metadata[ROW_GROUPS.encode()])
        return [(name, raw) for name, raw in named["groups"]] if named["as"] == made_as else []
    except (pa.ArrowException, OSError, LookupError, TypeError, ValueError, AttributeError):
        return []


def _metadata(made_as: str, names: Sequence[tuple[str, str]]) -> Mapping[str, str]:
    return {ROW_GROUPS: json.dumps({"as": made_as, "groups": names})}


class _NewFile:
    """File that makes every row group anew."""

    copies = False

    def __init__(
        self, handle: BinaryIO, schema: Any, options: Mapping[str, Any], made_as: str
    ) -> None:
        self.made: list[int] = []
        self._made_as, self._schema = made_as, schema
        self._output = _Summed(handle)
        self._writer = pq.ParquetWriter(pa.PythonFile(self._output, "w"), schema, **options)
        self._names: list[tuple[str, str]] = []

    def add(self, group: RowGroup) -> None:
        """See GroupWriter."""
        self._output.restart()
        table = pa.Table.from_batches(group.batches(), self._schema)
        self._writer.write_table(table, row_group_size=max(1, table.num_rows))
        self.made.append(len(self._names))
        self._names.append((group.name(), self._output.checksum()))

    def finish(self) -> None:
        """Write the footer."""
        self._writer.add_key_value_metadata(_metadata(self._made_as, self._names))
        self._writer.close()

    def abandon(self) -> None:
        """Close a file that will not be published."""
        with suppress(pa.ArrowException, OSError):
            self._writer.close()


class MergedFile:
    """File whose row groups are copies of an earlier file's, where that has equal ones."""

    copies = True

    def __init__(
        self,
        handle: BinaryIO,
        source: BinaryIO,
        schema: Any,
        options: Mapping[str, Any],
        made_as: str,
        names: Sequence[tuple[str, str]],
    ) -> None:
        self.made: list[int] = []
        self._handle, self._source, self._schema = handle, source, schema
        self._options, self._made_as = options, made_as
        self._footer = read_footer(source)
        self._in_order = [
            (name, _Earlier(group, group_place(group), raw))
            for (name, raw), group in zip(names, self._footer.row_groups, strict=True)
        ]
        self._earlier = dict(self._in_order)
        self._names: list[tuple[str, str]] = []
        self._groups: list[Any] = []
        handle.write(b"PAR1")

    def add(self, group: RowGroup) -> None:
        """See GroupWriter."""
        name = group.name()
        earlier = self._earlier.pop(name, None)
        data = None if earlier is None else self._bytes_of(earlier)
        if earlier is None or data is None:
            entry, data = self._made(group)
            self.made.append(len(self._groups))
        else:
            entry = earlier.group
        self._put(name, entry, data)

    def copy(self, number: int) -> None:
        """Add a row group of the earlier file, by its number.

        Raises:
            BooksError: it is not what was written.
        """
        name, earlier = self._in_order[number]
        data = self._bytes_of(earlier)
        if data is None:
            raise BooksError(f"row group {number} of {self._source.name} is damaged")
        self._put(name, earlier.group, data)

    def _put(self, name: str, entry: Any, data: bytes) -> None:
        move_group(entry, self._handle.tell())
        self._handle.write(data)
        self._groups.append(entry)
        self._names.append((name, xxh3_128(data).hexdigest()))

    def _bytes_of(self, earlier: _Earlier) -> bytes | None:
        """Bytes of a row group, None when they are not what was written."""
        self._source.seek(earlier.place.start)
        data = self._source.read(earlier.place.size)
        return data if xxh3_128(data).hexdigest() == earlier.checksum else None

    def _made(self, group: RowGroup) -> tuple[Any, bytes]:
        """Make a row group: its entry in the footer of a file of its own, and its bytes."""
        file = io.BytesIO()
        table = pa.Table.from_batches(group.batches(), self._schema)
        pq.write_table(table, file, row_group_size=table.num_rows, **self._options)
        (entry,) = read_footer(file).row_groups
        place = group_place(entry)
        return entry, file.getvalue()[place.start : place.start + place.size]

    def finish(self) -> None:
        """Write the footer."""
        metadata = _metadata(self._made_as, self._names)
        self._handle.write(footer_bytes(self._footer, self._groups, metadata))


class _Summed(io.RawIOBase):
    """Output that sums what is written through it."""

    def __init__(self, handle: BinaryIO) -> None:
        self._handle = handle
        self._sum = xxh3_128()

    def writable(self) -> bool:
        """See RawIOBase."""
        return True

    def write(self, data: Any) -> int:
        """See RawIOBase."""
        self._sum.update(data)
        return self._handle.write(data)

    def tell(self) -> int:
        """See RawIOBase."""
        return self._handle.tell()

    def restart(self) -> None:
        """Begin the checksum anew with what is written next."""
        self._sum.reset()

    def checksum(self) -> str:
        """Checksum of what was written since `restart`; hex."""
        return self._sum.hexdigest()
