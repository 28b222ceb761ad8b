from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.cell_values import hex_texts
from pipeline.core.page_columns import Repeated
from pipeline.core.table import Column, Kind
from pipeline.sinks.arrow import TYPES, array_of, batch_of, schema_of


def values(kind: str, given_values: list[object], key: str | None = None) -> list[object]:
    array = array_of(Column("c", kind, "", "c", key), given_values)  # type: ignore[arg-type]
    assert array.type == TYPES[kind]  # type: ignore[index]
    array.validate(full=True)
    return array.to_pylist()


@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)))
def test_money_is_exact(nano: list[int | None]) -> None:
    array = array_of(Column("c", "money", "", "c"), nano)
    assert array.type == pa.decimal128(20, 9)
    assert array.null_count == nano.count(None)
    assert array.to_pylist() == [
        None if n is None else Decimal(n).scaleb(-9, context=None) for n in nano
    ]


def test_money_that_no_number_holds_is_an_error() -> None:
    with pytest.raises(OverflowError):
        array_of(Column("c", "money", "", "c"), [2**63])


@pytest.mark.parametrize(
    ("kind", "value"),
    [(kind, None) for kind in TYPES]
    + [("string", "a"), ("text", "\ud800"), ("strings", ["a", "b"]), ("strings", []), ("int64", 0),
       ("double", -0.0), ("bool", 0), ("money", -7), ("time", 1_790_000_000), ("json", "{}")],
)  # fmt: skip
def test_a_value_that_all_rows_have_is_the_same_array(kind: Kind, value: object) -> None:
    column = Column("c", kind, "", "c")
    for rows in (1, 3):
        array, other = array_of(column, Repeated(value, rows)), array_of(column, [value] * rows)
        array.validate(full=True)
        assert (array.type, str(array)) == (other.type, str(other))


def test_times_are_utc() -> None:
    assert values("time", [0, None, 1_790_000_000]) == [
        datetime(1970, 1, 1, tzinfo=UTC),
        None,
        datetime.fromtimestamp(1_790_000_000, UTC),
    ]


def test_flags_of_the_ledger() -> None:
    assert values("bool", [0, 1, None]) == [False, True, None]
    assert values("strings", [["a", "b"], [], None]) == [["a", "b"], [], None]


@pytest.mark.parametrize("kind", ["string", "text"])
def test_text_is_kept(kind: str) -> None:
    texts = ["", "a\0b", "line\u2028sep\u2029 \x85 \x1c", "🐈", "e\u0301", "x" * 2_000_000, None]
    assert values(kind, list(texts)) == texts


@pytest.mark.parametrize("kind", ["string", "text"])
def test_lone_surrogates_are_replaced(kind: str) -> None:
    assert values(kind, ["a\ud800b", "\udc00", "\ud83d\ude00", "fine", None]) == [
        "a\ufffdb",
        "\ufffd",
        "😀",
        "fine",
        None,
    ]
    assert values("strings", [["ok", "\ud800"], None]) == [["ok", "\ufffd"], None]


@pytest.mark.parametrize(
    ("kind", "raw", "fitted"),
    [
        ("text", "a", "a"),
        ("text", 5, "5"),
        ("text", ["a", 1], '["a", 1]'),
        ("strings", ["a", 1, None, True], ["a", "1", "true"]),
        ("strings", "a", ["a"]),
        ("strings", {"a": 1}, ['{"a": 1}']),
        ("int64", 5, 5),
        ("int64", 5.0, 5),
        ("int64", 5.5, None),
        ("int64", "5", 5),
        ("int64", True, None),
        ("int64", 2**63, None),
        ("int64", -(2**63), -(2**63)),
        ("double", 5, 5.0),
        ("double", 0.25, 0.25),
        ("double", 10**400, None),
        ("double", "0.25", 0.25),
        ("double", True, None),
        ("bool", True, True),
        ("bool", 1, True),
        ("bool", "yes", None),
        ("json", {"a": ["ü"]}, '{"a": ["ü"]}'),
        ("json", "a", '"a"'),
        ("json", 10**30, "1" + "0" * 30),
    ],
)
def test_values_of_json_are_brought_to_their_columns_type(
    kind: str, raw: object, fitted: object
) -> None:
    assert values(kind, [raw, None], key="k") == [fitted, None]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(
    st.sampled_from(["text", "strings", "int64", "double", "bool", "json"]), st.lists(json_values)
)
def test_any_json_becomes_an_array(kind: str, raw: list[object]) -> None:
    assert len(values(kind, raw, key="k")) == len(raw)


_TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
_ANY = {
    "string": _TEXTS,
    "text": _TEXTS,
    "json": _TEXTS,
    "strings": st.lists(_TEXTS),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "double": st.floats(allow_nan=False),
}


@given(st.data(), st.sampled_from(sorted(_ANY)))
def test_an_array_is_what_pyarrow_itself_would_make(data: st.DataObject, kind: str) -> None:
    cells = data.draw(st.lists(st.none() | _ANY[kind]))
    array = array_of(Column("c", kind, "", "c"), cells)  # type: ignore[arg-type]
    array.validate(full=True)
    assert array.equals(pa.array(cells, TYPES[kind]))  # type: ignore[index]


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1), st.integers(0, 3))
def test_hashes_become_the_same_array_at_once_and_one_by_one(keys: list[bytes], nulls: int) -> None:
    column = Column("c", "string", "", "c")
    array = array_of(column, hex_texts(keys + [None] * nulls))  # type: ignore[arg-type]
    array.validate(full=True)
    assert array.equals(pa.array([key.hex() for key in keys] + [None] * nulls, pa.string()))


@given(st.sampled_from(sorted(_ANY)), st.data(), st.integers(1, 50))
def test_one_value_many_times_is_the_same_array(kind: str, data: st.DataObject, times: int) -> None:
    cells = [data.draw(_ANY[kind])] * times
    array = array_of(Column("c", kind, "", "c"), cells)  # type: ignore[arg-type]
    array.validate(full=True)
    assert array.equals(pa.array(cells, TYPES[kind]))  # type: ignore[index]


def test_columns_with_the_same_values_are_one_array() -> None:
    """Only where equal values are the same in the file."""
    kinds: list[Kind] = ["text", "text", "string", "double", "double"]
    columns = [Column(name, kind, "", name) for name, kind in zip("abcde", kinds, strict=True)]
    texts = ["a text", None]
    schema = schema_of(columns, {})
    batch = batch_of(schema, columns, [texts, list(texts), texts, [0.0, 1.0], [-0.0, 1.0]])
    addresses = [column.buffers()[-1].address for column in batch.columns]
    assert addresses[0] == addresses[1]
    assert len({*addresses[1:]}) == 4
    assert [str(value) for value in batch["e"]] == ["-0.0", "1.0"]
    assert batch.to_pydict() == dict(zip("abcde", [texts] * 3 + [[0.0, 1.0]] * 2, strict=True))


def test_more_text_than_an_array_holds_is_an_error() -> None:
    class Long(str):
        def __len__(self) -> int:
            return 2**31

    with pytest.raises(OverflowError, match="too much text"):
        array_of(Column("c", "string", "", "c"), [Long("a")])


def test_pandas_is_not_imported() -> None:
    code = (
        "import sys; from pipeline.core.table import Column; from pipeline.sinks.arrow import *;"
        "array_of(Column('c', 'strings', '', 'c'), [['a'], None]); print('pandas' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "False\n"
