"""read_captions: a workspace's table as a pandas DataFrame."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import BooksError, UsageError
from pipeline.system.workspace import Workspace

if TYPE_CHECKING:
    import pandas


def read_captions(workspace: str | Path) -> pandas.DataFrame:
    """Read the table of a workspace: one row an image, the documented columns.

    Integers and booleans that may be missing are pandas' nullable ones, money is `Decimal` US
    dollars, times are in UTC.

    Args:
        workspace: its folder; or the table itself, where `[output] parquet` put it elsewhere.

    Raises:
        UsageError: there is no table.
        BooksError: the table is damaged.
    """
    import pandas
    import pyarrow
    import pyarrow.parquet

    path = _table_of(Path(workspace).expanduser())
    nullable = {pyarrow.int64(): pandas.Int64Dtype(), pyarrow.bool_(): pandas.BooleanDtype()}
    try:
        with pyarrow.OSFile(os.fsencode(path)) as file:  # a path's text may not be UTF-8
            table = pyarrow.parquet.read_table(
                file, page_checksum_verification=True, partitioning=None
            )
    except (pyarrow.ArrowException, OSError) as error:
        raise BooksError(f"{path} cannot be read: {error}; export it again") from None
    return table.to_pandas(types_mapper=nullable.get)


def _table_of(place: Path) -> Path:
    path = Workspace(place).table if place.is_dir() else place
    if path.is_file():
        return path
    if not place.is_dir():
        raise UsageError(f"no workspace at {place}")
    raise UsageError(
        f"no table at {path}: 'captionmill run' and 'captionmill export' write it "
        "([output] parquet may say where else)"
    )
