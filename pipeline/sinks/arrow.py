"""Cells as Arrow arrays, a column at a time.

Built from buffers: `pyarrow.array` would import pandas to ask whether a list is a series of it,
which is a quarter of a second of every run and a seventh of an export of 100,000 rows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
from msgspec import Struct

from pipeline.core.cell_values import EqualLengthTexts
from pipeline.core.page_columns import Repeated
from pipeline.core.schema_values import as_bool, as_integer, as_number, as_text
from pipeline.core.table import Column, Kind
from pipeline.core.table_form import SCHEMA_VERSION


class KindForms(Struct, frozen=True):
    """Type of a column in the formats that have types.

    Attributes:
        arrow: Arrow's.
        feature: of the library `datasets`.
        croissant: of Croissant.
    """

    arrow: Any
    feature: Mapping[str, object]
    croissant: str


def _value(name: str) -> dict[str, object]:
    return {"dtype": name, "_type": "Value"}


_TEXTS = {"feature": _value("string"), "_type": "List"}
_MONEY = "decimal128(20, 9)"
_TIME = "timestamp[us, tz=UTC]"
FORMS: dict[Kind, KindForms] = {
    "string": KindForms(pa.string(), _value("string"), "sc:Text"),
    "text": KindForms(pa.large_string(), _value("large_string"), "sc:Text"),
    "strings": KindForms(pa.list_(pa.string()), _TEXTS, "sc:Text"),
    "int64": KindForms(pa.int64(), _value("int64"), "sc:Integer"),
    "double": KindForms(pa.float64(), _value("float64"), "sc:Float"),
    "bool": KindForms(pa.bool_(), _value("bool"), "sc:Boolean"),
    "money": KindForms(pa.decimal128(20, 9), _value(_MONEY), "sc:Float"),
    "time": KindForms(pa.timestamp("us", tz="UTC"), _value(_TIME), "sc:DateTime"),
    "json": KindForms(pa.large_string(), _value("large_string"), "sc:Text"),
}
"""Each kind of column in each format: the one table of them."""

_PANDAS: dict[Kind, tuple[str, str]] = {
    "int64": ("int64", "Int64"),
    "bool": ("bool", "boolean"),
}
"""pandas' names of types, of the array and of its items, where its own guess loses something."""

TYPES: dict[Kind, Any] = {kind: forms.arrow for kind, forms in FORMS.items()}


def schema_of(columns: Sequence[Column], metadata: dict[str, str]) -> Any:
    """Build the Arrow schema, with descriptions, `captionmill.schema_version`, and the types
    that pandas takes, so that whole numbers with nulls stay whole."""
    fields = [
        pa.field(c.name, TYPES[c.kind], metadata={"description": c.description}) for c in columns
    ]
    version = {"captionmill.schema_version": str(SCHEMA_VERSION)}
    return pa.schema(fields, {**metadata, **version, "pandas": _pandas_metadata(columns)})


def _pandas_metadata(columns: Sequence[Column]) -> str:
    """Metadata as pandas writes it into Parquet: nullable types by name, no index."""
    described = [
        {
            "name": column.name,
            "field_name": column.name,
            "pandas_type": pandas_type,
            "numpy_type": numpy_type,
            "metadata": None,
        }
        for column in columns
        if column.kind in _PANDAS
        for pandas_type, numpy_type in [_PANDAS[column.kind]]
    ]
    return json.dumps(
        {
            "index_columns": [],
            "column_indexes": [],
            "columns": described,
            "creator": {"library": "captionmill", "version": str(SCHEMA_VERSION)},
            "pandas_version": "2.2.0",
        }
    )


def batch_of(schema: Any, columns: Sequence[Column], cells: Iterable[Sequence[object]]) -> Any:
    """Record batch; `cells` holds one sequence a column."""
    arrays: list[Any] = []
    last: tuple[Kind, Sequence[object]] | None = None
    for column, values in zip(columns, cells, strict=True):
        is_value = column.key is None and column.kind in _COMPARED
        this = (column.kind, values) if is_value else None
        # most captions are those of the service, which stand beside them
        arrays.append(arrays[-1] if this and this == last else array_of(column, values))
        last = this
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def array_of(column: Column, values: Sequence[object]) -> Any:
    """Build the Arrow array of a column.

    What comes out of JSON is brought to the column's type first; a value that does not fit it
    (text in a number's column) is null. Lone surrogates become U+FFFD.
    """
    if column.key is not None:
        fit = _FITTING[column.kind]
        values = [None if value is None else fit(value) for value in values]
    if isinstance(values, EqualLengthTexts):
        return _equal_lengths(values)
    if isinstance(values, Repeated):
        return _repeated(column.kind, values.value, len(values))
    if not values:
        return pa.nulls(0, TYPES[column.kind])
    first = values[0]
    is_repeated = first == values[-1] and values.count(first) == len(values)
    if is_repeated and (first is None or column.kind in _COMPARED):
        return _repeated(column.kind, first, len(values))
    if column.kind not in _TAKES_NONE:
        try:  # most columns have no null, and to look for one takes as long as the array
            return _array(column.kind, values)
        except TypeError:
            pass
    valid = [value is not None for value in values]
    empty = _EMPTY[column.kind]
    filled = [empty if value is None else value for value in values]
    return _array(column.kind, filled, _packed(valid), valid.count(False))


def _repeated(kind: Kind, value: object, rows: int) -> Any:
    """Array of one value; that of a short one is remembered, as most pieces of a table share it."""
    is_shared = kind in _COMPARED and len(str(value)) <= _SHORT
    return _remembered(kind, value, rows) if is_shared else _made(kind, value, rows)


def _made(kind: Kind, value: object, rows: int) -> Any:
    if value is None:
        return pa.nulls(rows, TYPES[kind])
    return pa.repeat(_array(kind, [value])[0], rows)


_remembered = lru_cache(maxsize=64)(_made)


def _equal_lengths(texts: EqualLengthTexts) -> Any:
    """Array of ASCII texts of one length."""
    offsets = np.arange(0, len(texts.joined) + 1, texts.length, dtype=np.int32)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(texts.joined.encode())]
    return pa.Array.from_buffers(TYPES["string"], len(texts), buffers, 0)


def _array(kind: Kind, values: Sequence[Any], validity: Any = None, nulls: int = 0) -> Any:
    """Array of values, none of which is None; `validity` tells which of them are null."""
    buffers, children = _BUFFERS[kind](values)
    buffers = [validity, *map(pa.py_buffer, buffers)]
    return pa.Array.from_buffers(TYPES[kind], len(values), buffers, nulls, children=children)


_Buffers = tuple[list[Any], list[Any] | None]
"""What follows the validity of an array: its buffers, and the arrays that it is made of."""


def _packed(bits: Sequence[object]) -> Any:
    return pa.py_buffer(np.packbits(np.array(bits, bool), bitorder="little"))


def _ints(values: Sequence[int]) -> _Buffers:
    return [np.array(values, np.int64)], None


def _doubles(values: Sequence[float]) -> _Buffers:
    return [np.array(values, np.float64)], None


def _bools(values: Sequence[object]) -> _Buffers:
    return [_packed(values)], None


def _money(values: Sequence[int]) -> _Buffers:
    """decimal128 from whole nano-dollars: the 128-bit number is the 64-bit one, sign-extended."""
    low = np.array(values, np.int64)
    wide = np.empty((len(low), 2), "<i8")
    wide[:, 0], wide[:, 1] = low, low >> 63
    return [wide], None


def _times(values: Sequence[int]) -> _Buffers:
    return _ints([seconds * 1_000_000 for seconds in values])


def _texts(values: Sequence[str], offset: Any = np.int64) -> _Buffers:
    joined = "".join(values)
    if joined.isascii():
        return [_offsets(values, offset), joined.encode()], None
    try:
        encoded = [value.encode() for value in values]
    except UnicodeEncodeError:
        encoded = [well_formed(value).encode() for value in values]
    return [_offsets(encoded, offset), b"".join(encoded)], None


def _strings(values: Sequence[str]) -> _Buffers:
    return _texts(values, np.int32)


def _lists(values: Sequence[Sequence[str]]) -> _Buffers:
    items = list(chain.from_iterable(values))
    return [_offsets(values, np.int32)], [_array("string", items)]


def _offsets(parts: Sequence[Sequence[object]], kind: Any) -> Any:
    """Offsets of each part's begin and the last one's end."""
    ends = np.zeros(len(parts) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, parts), np.int64, len(parts)), out=ends[1:])
    if ends[-1] > np.iinfo(kind).max:
        raise OverflowError("too much text for one array")
    return ends.astype(kind)


_BUFFERS: dict[Kind, Callable[[Sequence[Any]], _Buffers]] = {
    "string": _strings,
    "text": _texts,
    "json": _texts,
    "strings": _lists,
    "int64": _ints,
    "double": _doubles,
    "bool": _bools,
    "money": _money,
    "time": _times,
}
# kinds whose equal values are the same in the file: 0.0 and -0.0 are equal
_COMPARED: frozenset[Kind] = frozenset(TYPES) - {"double", "strings"}
_SHORT = 100  # characters
# kinds whose arrays numpy makes of None too, as NaN or False
_TAKES_NONE: frozenset[Kind] = frozenset(("double", "bool"))
_EMPTY: dict[Kind, object] = {
    "string": "", "text": "", "json": "", "strings": (), "int64": 0, "double": 0.0,
    "bool": False, "money": 0, "time": 0,
}  # fmt: skip


def well_formed(text: str) -> str:
    """Text that UTF-8 can hold: pairs are joined, lone ones replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _fit_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _fit_strings(value: object) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [as_text(item) for item in items if item is not None]


_FITTING: dict[Kind, Callable[[object], object]] = {
    "string": as_text,
    "text": as_text,
    "json": _fit_json,
    "strings": _fit_strings,
    "int64": as_integer,
    "double": as_number,
    "bool": as_bool,
}
