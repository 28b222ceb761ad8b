"""Cells as Arrow arrays, a column at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.core.table import SCHEMA_VERSION, Column, Kind

TYPES: dict[Kind, Any] = {
    "string": pa.string(),
    "text": pa.large_string(),
    "strings": pa.list_(pa.string()),
    "int64": pa.int64(),
    "double": pa.float64(),
    "bool": pa.bool_(),
    "money": pa.decimal128(20, 9),
    "time": pa.timestamp("us", tz="UTC"),
    "json": pa.large_string(),
}
_INT64 = range(-(2**63), 2**63)


def schema_of(columns: Sequence[Column], metadata: dict[str, str]) -> Any:
    """The Arrow schema, with descriptions and `captionmill.schema_version`."""
    fields = [
        pa.field(c.name, TYPES[c.kind], metadata={"description": c.description}) for c in columns
    ]
    return pa.schema(fields, {**metadata, "captionmill.schema_version": str(SCHEMA_VERSION)})


def batch_of(schema: Any, columns: Sequence[Column], cells: Iterable[Sequence[object]]) -> Any:
    """A record batch; `cells` holds one sequence a column."""
    arrays = [array_of(column, values) for column, values in zip(columns, cells, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def array_of(column: Column, values: Sequence[object]) -> Any:
    """The Arrow array of a column.

    What comes out of JSON is brought to the column's type first; a value that does not fit it
    (text in a number's column) is null. Lone surrogates become U+FFFD.
    """
    if column.key is not None:
        fit = _FITTING[column.kind]
        values = [None if value is None else fit(value) for value in values]
    make = _MAKERS.get(column.kind)
    if make is not None:
        return make(values)
    try:
        return pa.array(values, TYPES[column.kind])
    except UnicodeEncodeError:
        return pa.array([_well_formed(value) for value in values], TYPES[column.kind])


def _money(values: Sequence[object]) -> Any:
    """decimal128 from whole nano-dollars: the 128-bit number is the 64-bit one, sign-extended."""
    whole = pa.array(values, pa.int64())
    validity, data = whole.buffers()
    low = np.frombuffer(data, np.int64, len(whole)) if len(whole) else np.empty(0, np.int64)
    wide = np.empty((len(whole), 2), "<i8")
    wide[:, 0], wide[:, 1] = low, low >> 63
    return pa.Array.from_buffers(
        TYPES["money"], len(whole), [validity, pa.py_buffer(wide)], whole.null_count
    )


def _time(values: Sequence[object]) -> Any:
    return pc.multiply_checked(pa.array(values, pa.int64()), 1_000_000).cast(TYPES["time"])


def _bool(values: Sequence[object]) -> Any:
    return pa.array([None if value is None else bool(value) for value in values], TYPES["bool"])


_MAKERS: dict[Kind, Callable[[Sequence[object]], Any]] = {
    "money": _money,
    "time": _time,
    "bool": _bool,
}


def _well_formed(value: object) -> object:
    """Text, or a list of texts, that UTF-8 can hold: pairs are joined, lone ones replaced."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return [_well_formed(item) for item in value] if isinstance(value, list) else value


def _fit_text(value: object) -> str:
    return value if isinstance(value, str) else _fit_json(value)


def _fit_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _fit_strings(value: object) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [_fit_text(item) for item in items if item is not None]


def _fit_int(value: object) -> int | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole and value in _INT64 else None  # type: ignore[return-value]


def _fit_double(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if abs(value) < 1e308 or isinstance(value, float) else None


def _fit_bool(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


_FITTING: dict[Kind, Callable[[object], object]] = {
    "string": _fit_text,
    "text": _fit_text,
    "json": _fit_json,
    "strings": _fit_strings,
    "int64": _fit_int,
    "double": _fit_double,
    "bool": _fit_bool,
}
