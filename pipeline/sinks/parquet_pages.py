"""Pages of a Parquet file read back as they lie on the disk, without being decoded.

To decode them takes seven times as long, and tells no more: a page whose checksum is right is the
one that was written.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
from isal import isal_zlib
from xxhash import xxh3_128

from pipeline.errors import BooksError
from pipeline.sinks.parquet_footer import page_headers
from pipeline.sinks.parquet_groups import ROW_GROUPS


def check_pages(path: Path, rows: int, groups: Sequence[int]) -> None:
    """Read row groups of a file of ours: their bytes are those that were written, each page is
    where the footer says, and has its checksum and its number of values.

    Raises:
        BooksError: something is otherwise, or the file has not so many rows.
    """
    try:
        with pa.OSFile(os.fsencode(path)) as bytes_of_it:
            footer = pq.read_metadata(bytes_of_it)
        named = json.loads(footer.metadata[ROW_GROUPS.encode()])["groups"]
        with path.open("rb") as file:
            for number in groups:
                _check_group(file, footer.row_group(number), named[number][1])
        if footer.num_rows != rows:
            raise ValueError(f"it has {footer.num_rows} rows where {rows} were written")
    except (pa.ArrowException, OSError, LookupError, ValueError) as error:
        raise BooksError(f"{path} is damaged: {error}; export it again") from None


def _check_group(file: BinaryIO, group: Any, checksum: str) -> None:
    chunks = [group.column(number) for number in range(group.num_columns)]
    data = [_bytes_of(file, chunk) for chunk in chunks]
    digest = xxh3_128()
    for one in data:
        digest.update(one)
    if digest.hexdigest() != checksum:
        raise ValueError("a row group is not the one that was written")
    for chunk, one in zip(chunks, data, strict=True):
        if sum(_values_of_pages(one)) != chunk.num_values:
            raise ValueError(f"{chunk.path_in_schema!r} lacks rows")


def _bytes_of(file: BinaryIO, chunk: Any) -> bytes:
    file.seek(min(filter(None, (chunk.dictionary_page_offset, chunk.data_page_offset))))
    return file.read(chunk.total_compressed_size)


def _values_of_pages(chunk: bytes) -> Iterator[int]:
    """Number of values of each page of a column's bytes."""
    for start, header in page_headers(chunk):
        page = memoryview(chunk)[start : start + header.compressed_page_size]
        if header.crc is None or isal_zlib.crc32(page) != header.crc & 0xFFFFFFFF:
            raise ValueError("a page has not its checksum")
        if header.data_page_header is not None:
            yield header.data_page_header.num_values
