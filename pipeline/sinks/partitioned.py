"""Captions as Parquet in folders by the values of a column: `model=gpt-6-luna/part-0.parquet`."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pipeline.errors import UsageError
from pipeline.sinks.exported import Values
from pipeline.system.files import storage_error

_ROWS = 16_384
_MOST = 250  # folders, each of which holds an open file
_LONGEST_NAME = 255
_OURS = "_captionmill"  # readers leave out names that begin with an underscore


def write_partitions(
    root: Path, column: str, types: Mapping[str, Any], rows: Iterable[Values]
) -> int:
    """Replace the folder at `root`; gives the number of rows.

    It is written beside `root` and takes its place when it is whole.

    Args:
        types: Arrow type of each field.

    Raises:
        UsageError: `root` is somebody else's, or the column has too many values.
        StorageError: it cannot be written; the old folder is as it was.
    """
    root = Path(os.path.realpath(root))  # the folder is replaced, a link to it stays
    is_free = not root.exists() or (root / _OURS).exists()
    if not is_free and (not root.is_dir() or any(root.iterdir())):
        raise UsageError(f"{root} is neither empty nor such an export: name another place")
    fresh = root.with_name(f"_{root.name}.new")
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        count = _write(fresh, column, types, rows)
        (fresh / _OURS).write_text("made by captionmill export --to parquet\n", encoding="utf-8")
        old = root.with_name(f"_{root.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        if root.exists():
            root.rename(old)
        fresh.rename(root)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise storage_error(root, error) from error
    return count


def _write(root: Path, column: str, types: Mapping[str, Any], rows: Iterable[Values]) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    root.mkdir(parents=True)
    schema = pa.schema([(name, kind) for name, kind in types.items() if name != column])
    count, iterator = 0, iter(rows)
    with contextlib.ExitStack() as files:
        writers: dict[object, Any] = {}
        while page := list(islice(iterator, _ROWS)):
            count += len(page)
            for value, group in _grouped(page, column).items():
                if value not in writers:
                    if len(writers) == _MOST:
                        raise UsageError(
                            f"column {column} has more than {_MOST} values: choose another one"
                        )
                    path = root / _folder(column, value) / "part-0.parquet"
                    path.parent.mkdir()
                    writer = pq.ParquetWriter(path, schema, compression="zstd")
                    writers[value] = files.enter_context(writer)
                writers[value].write_table(pa.Table.from_pylist(group, schema))
    return count


def _grouped(page: Iterable[Values], column: str) -> dict[object, list[dict[str, Any]]]:
    groups: dict[object, list[dict[str, Any]]] = {}
    for values in page:
        rest = {name: value for name, value in values.items() if name != column}
        value = values[column]
        groups.setdefault(tuple(value) if isinstance(value, list) else value, []).append(rest)
    return groups


def _folder(column: str, value: object) -> str:
    """Name of a value's folder as Hive has it, which the readers undo."""
    if value is None:
        return f"{quote(column, safe='')}=__HIVE_DEFAULT_PARTITION__"
    text = ",".join(value) if isinstance(value, tuple) else str(value)
    name = f"{quote(column, safe='')}={quote(text, safe='')}"
    if len(name) > _LONGEST_NAME:
        raise UsageError(
            f"column {column} has a value that is too long for the name of a folder: "
            f"{text[:40]!r}…; choose another one"
        )
    return name
