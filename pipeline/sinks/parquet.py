"""Captions as one Parquet file, whole or as it was, with a checksum on every page.

Without page checksums 248 of 400 flipped bits read back as wrong data in silence, with them none
did. Readers that want the check ask for it (pyarrow: `page_checksum_verification=True`). The
footer (names and types) has none in Parquet: the file's SHA-256 covers it.

Row groups whose rows are as they were are copied from an earlier file that is known to be sound.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from pipeline.core.cells import Cells
from pipeline.core.table import Row
from pipeline.errors import BooksError, StorageError
from pipeline.sinks.base import TableChanges, WrittenTable
from pipeline.system.files import is_scarcity, sha256_of, whole_file


class ParquetSink:
    """Table at `path`; see `sinks.base.Sink` and `RecordedTable`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.announce: Callable[[WrittenTable], None] = lambda _written: None
        self.earlier: Path | None = None

    def write(
        self, pages: Iterable[Sequence[Row]], cells: Cells, metadata: Mapping[str, str]
    ) -> WrittenTable:
        """See Sink. Memory is that of one row group, whatever the number of rows."""
        with whole_file(self.path, links=True) as handle:
            return self._announced(handle, *self._all_made(handle, pages, cells, metadata))

    def _all_made(
        self,
        handle: BinaryIO,
        pages: Iterable[Sequence[Row]],
        cells: Cells,
        metadata: Mapping[str, str],
    ) -> tuple[list[int], list[int]]:
        """Write all row groups: the rows of each, and which are no copies. Nothing of the writer
        stays in memory: the footer of a large table, with which the file is read back, is there
        once."""
        from pipeline.sinks.arrow import schema_of
        from pipeline.sinks.parquet_groups import open_writer
        from pipeline.sinks.row_groups import row_groups

        schema = schema_of(cells.columns, dict(metadata))
        rows = list[int]()
        with open_writer(handle, self.earlier, schema, dictionary_columns(cells)) as writer:
            for group in row_groups(pages, cells, schema, waits=writer.copies):
                writer.add(group)
                rows.append(group.rows)
        return rows, writer.made

    def rows_of_groups(self, cells: Cells, metadata: Mapping[str, str]) -> list[int]:
        """See ChangeableTable."""
        from pipeline.sinks.arrow import schema_of
        from pipeline.sinks.parquet_groups import rows_of_groups

        if self.earlier is None:
            return []
        schema = schema_of(cells.columns, dict(metadata))
        return rows_of_groups(self.earlier, schema, dictionary_columns(cells))

    def write_changes(
        self, changes: TableChanges, cells: Cells, metadata: Mapping[str, str]
    ) -> WrittenTable:
        """See ChangeableTable."""
        with whole_file(self.path, links=True) as handle:
            return self._announced(handle, *self._changed_made(handle, changes, cells, metadata))

    def _changed_made(
        self, handle: BinaryIO, changes: TableChanges, cells: Cells, metadata: Mapping[str, str]
    ) -> tuple[list[int], list[int]]:
        """Write the row groups that have changed and copy the others; as `_all_made`."""
        from pipeline.sinks.arrow import schema_of
        from pipeline.sinks.changed_groups import changed_groups
        from pipeline.sinks.parquet_groups import open_merged

        assert self.earlier is not None
        schema = schema_of(cells.columns, dict(metadata))
        rows = list[int]()
        with open_merged(handle, self.earlier, schema, dictionary_columns(cells)) as writer:
            for group in changed_groups(changes, cells, schema):
                if isinstance(group, int):
                    writer.copy(group)
                    rows.append(changes.rows[group])
                else:
                    writer.add(group)
                    rows.append(group.rows)
        return rows, writer.made

    def _announced(self, handle: BinaryIO, rows: list[int], made: list[int]) -> WrittenTable:
        """Read back what was made of a file that is written but for its name, and announce it."""
        from pipeline.sinks.parquet_pages import check_pages

        handle.flush()
        temporary = Path(handle.name)
        check_pages(temporary, sum(rows), made)
        size, checksum = temporary.stat().st_size, sha256_of(temporary).hex()
        written = WrittenTable(sum(rows), checksum, size, self.path, groups=tuple(rows))
        self.announce(written)
        return written

    def check(self, rows: int) -> None:
        """See Sink."""
        check(self.path, rows)


def check(path: Path, rows: int | None = None) -> int:
    """Read every page of the file at `path` with its checksum; gives the number of rows.

    Raises:
        BooksError: a page is damaged, it is no Parquet file, or there are not `rows` rows.
        StorageError: memory or threads have run out.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # by its bytes: pyarrow takes no text that is not UTF-8 for a path
        with (
            pa.OSFile(os.fsencode(path)) as bytes_of_it,
            pq.ParquetFile(
                bytes_of_it,
                metadata=(footer := pq.read_metadata(bytes_of_it)),
                page_checksum_verification=True,
                read_dictionary=_dictionaries(footer),
            ) as file,
        ):
            read = int(file.metadata.num_rows)
            for group in range(file.num_row_groups):
                expected = file.metadata.row_group(group).num_rows
                # a column at a time: all of them would be in memory twice as large as in the file
                for column in file.schema_arrow.names:
                    read_rows = file.read_row_group(group, columns=[column], use_threads=False)
                    if read_rows.num_rows != expected:
                        raise BooksError(f"{path} is damaged: {column!r} lacks rows")
    except (pa.ArrowException, OSError) as error:
        if is_scarcity(error):
            raise StorageError(f"cannot read {path}: {error}; give it more memory") from None
        raise BooksError(f"{path} is damaged: {error}; export it again") from None
    if rows is not None and read != rows:
        raise BooksError(f"{path} has {read} rows where {rows} were written; export it again")
    return read


def _dictionaries(footer: Any) -> list[str]:
    """Columns whose texts need not be spelled out to be read, as their pages hold numbers."""
    if not footer.num_row_groups:
        return []
    group, schema = footer.row_group(0), footer.schema
    return [
        schema.column(at).path
        for at in range(group.num_columns)
        if group.column(at).has_dictionary_page
        and schema.column(at).physical_type == "BYTE_ARRAY"
        and not schema.column(at).max_repetition_level
    ]


def dictionary_columns(cells: Cells) -> list[str]:
    """Parquet's paths of the columns that hold few different values."""
    return [
        f"{column.name}.list.element" if column.kind == "strings" else column.name
        for column in cells.columns
        if column.few or column.kind == "strings"
    ]
