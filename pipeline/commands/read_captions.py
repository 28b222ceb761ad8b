"""read_captions: a workspace's table as a pandas DataFrame."""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from pipeline.core.table import FIXED
from pipeline.errors import BooksError, UsageError
from pipeline.records import NANO_PER_USD
from pipeline.system.workspace import Workspace

if TYPE_CHECKING:
    import pandas


Money = Literal["decimal", "float"]
"""Type of US dollars: exact, or quick."""


def read_captions(
    workspace: str | Path,
    *,
    columns: Sequence[str] | None = None,
    money: Money = "decimal",
    categories: bool = False,
) -> pandas.DataFrame:
    """Read the table of a workspace: one row an image, the documented columns.

    Integers and booleans that may be missing are pandas' nullable ones, times are in UTC.

    Args:
        workspace: its folder; or the table itself, where `[output] parquet` put it elsewhere.
        columns: only these, in this order; None reads all.
        money: "decimal" keeps US dollars as `Decimal`, exact to the nano-dollar; "float" as numbers
            that sum quickly and not exactly.
        categories: texts of which few differ (outcome, model, ...) are pandas' categories.

    Raises:
        UsageError: there is no table, or no such column.
        BooksError: the table is damaged.
    """
    import pandas
    import pyarrow
    import pyarrow.parquet

    if money not in get_args(Money):
        raise UsageError(f"money is {money!r}: give one of {', '.join(get_args(Money))}")
    path = _table_of(Path(workspace).expanduser())
    few = [column.name for column in FIXED if column.few and column.kind == "string"]
    nullable = {pyarrow.int64(): pandas.Int64Dtype(), pyarrow.bool_(): pandas.BooleanDtype()}
    try:
        with pyarrow.OSFile(os.fsencode(path)) as file:  # a path's text may not be UTF-8
            _check_columns(columns, pyarrow.parquet.read_schema(file).names)
            table = pyarrow.parquet.read_table(
                file, columns=columns, page_checksum_verification=True, partitioning=None,
                read_dictionary=few if categories else None,
            )  # fmt: skip
    except (pyarrow.ArrowException, OSError) as error:
        raise BooksError(f"{path} cannot be read: {error}; export it again") from None
    if money == "float":
        table = _with_floats(table)
    return table.select(columns or table.column_names).to_pandas(types_mapper=nullable.get)


def _check_columns(columns: Sequence[str] | None, names: Sequence[str]) -> None:
    for name in columns or ():
        if name not in names:
            close = difflib.get_close_matches(name, names, 1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(names)}"
            raise UsageError(f"there is no column {name!r}; {hint}")


def _with_floats(table: Any) -> Any:
    """Table whose money is floats, each the nearest one; a cast from decimals is not."""
    import pyarrow
    from pyarrow import compute

    nano = pyarrow.scalar(Decimal(NANO_PER_USD), pyarrow.decimal128(10, 0))
    for at, field in enumerate(table.schema):
        if pyarrow.types.is_decimal(field.type):
            whole_nano = compute.multiply(table.column(at), nano).cast(pyarrow.int64())
            dollars = compute.divide(whole_nano.cast(pyarrow.float64()), float(NANO_PER_USD))
            table = table.set_column(at, field.name, dollars)
    return table


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
