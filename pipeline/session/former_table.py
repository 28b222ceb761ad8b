"""Table that a lost ledger wrote: what it alone still tells of images and their requests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.errors import BooksError
from pipeline.records import NANO_PER_USD, Nano

_BATCH = 8_192  # rows


class FormerRow(NamedTuple):
    """Row of an image with a request.

    Attributes:
        folder, name, occurrence: as its source names it, whose label is `source`.
        source_id, content_id, work_key: 32 bytes each.
        size, sent: width and height in pixels.
        flags: also those that are not of its preparation.
        represents: it was sent itself, and is no duplicate.
        estimated: nano-dollars.
    """

    source: str
    folder: str
    name: str
    occurrence: int
    source_id: bytes
    content_id: bytes
    work_key: bytes
    format: str
    size: tuple[int, int]
    sent: tuple[int, int]
    flags: tuple[str, ...]
    represents: bool
    estimated: Nano | None


_COLUMNS = ["source", "path", "occurrence", "source_id", "content_id", "work_key", "source_format",
            "source_width", "source_height", "sent_width", "sent_height", "flags", "duplicate_of",
            "estimated_cost", "spec_id"]  # fmt: skip


def former_rows(path: Path, spec_id: bytes) -> Iterator[list[FormerRow]]:
    """Rows of the table that are under a spec, pages of them.

    Raises:
        BooksError: it is damaged, or no table of ours.
    """
    import pyarrow
    import pyarrow.compute
    import pyarrow.parquet

    spec = pyarrow.scalar(spec_id.hex(), pyarrow.string())
    try:
        with pyarrow.OSFile(os.fsencode(path)) as handle:  # a path's text may not be UTF-8
            file = pyarrow.parquet.ParquetFile(handle, page_checksum_verification=True)
            for batch in file.iter_batches(_BATCH, columns=_COLUMNS):
                of_spec = pyarrow.compute.equal(batch["spec_id"].cast(pyarrow.string()), spec)
                rows = batch.filter(of_spec).to_pylist()
                yield [_row(row) for row in rows if row["source_id"] and row["content_id"]]
    except (pyarrow.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        raise BooksError(f"{path} cannot be read: {error}") from None


def _row(row: dict[str, Any]) -> FormerRow:
    folder, _, name = row["path"].rpartition("/")
    cost = row["estimated_cost"]
    return FormerRow(
        row["source"], folder, name, row["occurrence"] or 0,
        bytes.fromhex(row["source_id"]),
        bytes.fromhex(row["content_id"]),
        bytes.fromhex(row["work_key"]),
        row["source_format"] or "",
        (row["source_width"] or 0, row["source_height"] or 0),
        (row["sent_width"] or 0, row["sent_height"] or 0),
        tuple(row["flags"] or ()),
        row["duplicate_of"] is None,
        None if cost is None else int(cost * NANO_PER_USD),
    )  # fmt: skip
