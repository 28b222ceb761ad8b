"""Footers of Parquet files: row groups moved from one file to another as they are.

Parquet's own definitions (thrift) read and write a footer, as `fastparquet` keeps them: pyarrow can
move no row group. Optional hints that those definitions do not know are left out.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, BinaryIO

from msgspec import Struct

from pipeline.system.bare_package import bare_package

_MAGIC = b"PAR1"
_TAIL = 8  # bytes: length of the footer, and the magic word
_OFFSETS = ("data_page_offset", "index_page_offset", "dictionary_page_offset")
_INDEXES = ("offset_index_offset", "offset_index_length", "column_index_offset",
            "column_index_length")  # fmt: skip


class GroupPlace(Struct, frozen=True):
    """Place of a row group in its file: one stretch of bytes."""

    start: int
    size: int


@cache
def _thrift() -> tuple[Any, Any, Any]:
    """Reader of thrift, what it reads from, and the definition of `KeyValue`."""
    with bare_package("fastparquet"):
        from fastparquet.cencoding import NumpyIO, from_buffer
        from fastparquet.parquet_thrift import KeyValue
    return from_buffer, NumpyIO, KeyValue


def read_footer(handle: BinaryIO) -> Any:
    """Footer of the file that `handle` reads, a thrift `FileMetaData`.

    Raises:
        ValueError: it has none.
    """
    from_buffer, _, _ = _thrift()
    size = handle.seek(0, os.SEEK_END)
    handle.seek(max(0, size - _TAIL))
    tail = handle.read(_TAIL)
    length = int.from_bytes(tail[:4], "little")
    if tail[4:] != _MAGIC or length > size - _TAIL:
        raise ValueError("it has no footer")
    handle.seek(size - _TAIL - length)
    return from_buffer(handle.read(length), "FileMetaData")


def page_headers(chunk: bytes) -> Iterator[tuple[int, Any]]:
    """Begin of each page in a column's bytes, behind its header, and that header, a thrift
    `PageHeader`. They must be bytes that a writer gave: the reader of thrift trusts them."""
    from_buffer, opened, _ = _thrift()
    bytes_of_it = opened(chunk)
    while bytes_of_it.tell() < len(chunk):
        header = from_buffer(bytes_of_it, "PageHeader")
        yield bytes_of_it.tell(), header
        bytes_of_it.seek(header.compressed_page_size, 1)


def group_place(group: Any) -> GroupPlace:
    """Place of a row group: from the first page of its columns to the last."""
    metas = [column.meta_data for column in group.columns]
    starts = [min(filter(None, (getattr(m, name) for name in _OFFSETS))) for m in metas]
    ends = [start + m.total_compressed_size for start, m in zip(starts, metas, strict=True)]
    return GroupPlace(min(starts), max(ends) - min(starts))


def move_group(group: Any, start: int) -> None:
    """Let a row group begin at `start`; indexes, which lie outside of it, are left behind."""
    distance = start - group_place(group).start
    for column in group.columns:
        meta = column.meta_data
        for name in _OFFSETS:
            if getattr(meta, name) is not None:
                setattr(meta, name, getattr(meta, name) + distance)
        if meta.bloom_filter_offset is not None:
            meta.bloom_filter_offset = None
        for name in _INDEXES:
            if getattr(column, name) is not None:
                setattr(column, name, None)
    if group.file_offset is not None:
        group.file_offset += distance


def footer_bytes(footer: Any, groups: Sequence[Any], metadata: Mapping[str, str]) -> bytes:
    """End of a file of these row groups, with `metadata` beside what `footer` names itself."""
    _, _, key_value = _thrift()
    footer.row_groups = list(groups)
    footer.num_rows = sum(group.num_rows for group in groups)
    named = [one for one in footer.key_value_metadata if one.key.decode() not in metadata]
    added = [key_value(key=key, value=value) for key, value in metadata.items()]
    footer.key_value_metadata = [*named, *added]
    data = bytes(footer.to_bytes())
    return data + len(data).to_bytes(4, "little") + _MAGIC
