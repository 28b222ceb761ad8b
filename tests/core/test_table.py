from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core import identity, table
from pipeline.core.table import (
    Cells,
    Column,
    columns,
    field_kinds,
    with_other_names,
    without_locations,
)
from pipeline.ledger.rows import COLUMNS as LEDGER
from pipeline.ledger.specs import FACTS
from pipeline.records import Outcome

NAMES = ("path", "work_key", "attempt", "flags", "fields", "columns")


def cells_of(found: tuple[Column, ...], *rows: tuple[object, ...]) -> dict[str, list[object]]:
    cells = Cells(NAMES, found)
    return {c.name: list(v) for c, v in zip(cells.columns, cells.of(rows), strict=True)}


def test_every_column_is_documented_once() -> None:
    names = [column.name for column in table.FIXED]
    assert len({name.casefold() for name in names}) == len(names)
    assert all(column.description for column in table.FIXED)


def test_the_outcomes_are_named() -> None:
    described = next(c for c in table.FIXED if c.name == "outcome").description
    for outcome in (*Outcome.__args__, "duplicate", "rejected", "pending"):  # type: ignore[attr-defined]
        assert outcome in described


def test_the_ledger_gives_every_column() -> None:
    names = list(LEDGER)
    Cells(names, table.FIXED, facts={name: {} for name in FACTS})
    used = {column.source for column in table.FIXED} | {"attempt", "fields", "columns", "spec"}
    assert set(names) <= used


def test_a_ledger_that_lacks_a_column_is_a_bug() -> None:
    with pytest.raises(ValueError, match="lack caption"):
        Cells(["path"], [Column("caption", "text", "", "caption")])


def test_kinds_of_fields() -> None:
    properties = {
        "caption": {"type": "string"},
        "title": {"type": "string"},
        "mood": {"type": ["string", "null"]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "boxes": {"type": "array", "items": {"type": "object"}},
        "people": {"type": "integer"},
        "score": {"type": "number"},
        "indoor": {"type": "boolean"},
        "camera": {"type": "object", "properties": {}},
        "either": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        "both": {"type": ["string", "integer"]},
        "odd": True,
        "maybe": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "kind": {"$ref": "#/$defs/Kind"},
        "kinds": {"type": "array", "items": {"anyOf": [{"$ref": "#/$defs/Kind"}]}},
        "form": {"enum": ["round", "square", None]},
        "level": {"enum": [1, 2]},
        "fixed": {"const": "x"},
        "size": {"type": ["integer", "number"]},
        "mixed": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
        "dead": {"$ref": "#/$defs/No"},
    }
    kinds = {"Kind": {"type": "string", "enum": ["photo", "art"]}}
    assert field_kinds([{"type": "object", "properties": properties, "$defs": kinds}]) == {
        "title": "text",
        "mood": "text",
        "tags": "strings",
        "boxes": "json",
        "people": "int64",
        "score": "double",
        "indoor": "bool",
        "camera": "json",
        "either": "text",
        "both": "text",
        "odd": "json",
        "maybe": "int64",
        "kind": "text",
        "kinds": "strings",
        "form": "text",
        "level": "int64",
        "fixed": "text",
        "size": "double",
        "mixed": "json",
        "dead": "json",
    }


def test_schemas_that_disagree() -> None:
    one = {"properties": {"n": {"type": "integer"}, "a": {"type": "string"}}}
    two = {"properties": {"n": {"type": "string"}, "b": {"type": "string"}}}
    assert field_kinds([one, two]) == {"n": "json", "a": "text", "b": "text"}
    assert field_kinds([one, one]) == {"n": "int64", "a": "text"}
    assert field_kinds([{}, {"properties": {}}]) == {}


def test_names_that_are_taken() -> None:
    fields = {"path": "text", "title": "text", "TAGS": "strings"}
    manifest = ["title", "Path", "column_path", "column_title", "id", "", "tags"]
    found = columns(fields, manifest)[len(table.FIXED) :]  # type: ignore[arg-type]
    assert [(c.name, c.source, c.key) for c in found] == [
        ("field_path", "fields", "path"),
        ("title", "fields", "title"),
        ("TAGS", "fields", "TAGS"),
        ("column_title", "columns", "title"),
        ("column_Path", "columns", "Path"),
        ("column_column_path", "columns", "column_path"),
        ("column_column_title", "columns", "column_title"),
        ("id", "columns", "id"),
        ("column_unnamed", "columns", ""),
        ("column_tags", "columns", "tags"),
    ]


@given(st.lists(st.text(max_size=6) | st.sampled_from(["path", "PATH", "column_path", ""])))
def test_any_names_become_different_names(manifest: list[str]) -> None:
    found = columns({"path": "text", "column_path": "text"}, manifest)
    assert len({c.name.casefold() for c in found}) == len(found)
    assert len(found) == len(table.FIXED) + 2 + len(manifest)
    assert all(c.name.strip() and "\0" not in c.name for c in found)
    for column in found:
        column.name.encode()


def test_cells() -> None:
    key = bytes(range(32))
    fields = json.dumps({"tags": ["a"], "n": 3})
    found = cells_of(
        (
            Column("path", "string", "", "path"),
            Column("custom_id", "string", "", "custom_id"),
            Column("flags", "strings", "", "flags"),
            Column("tags", "strings", "", "fields", "tags"),
            Column("n", "int64", "", "fields", "n"),
            Column("title", "text", "", "columns", "title"),
        ),
        ("a.jpg", key.hex(), 2, "first_frame,icc_converted", fields, '{"title": "T"}'),
        ("b.jpg", key.hex(), None, "", None, None),
        ("c.jpg", None, None, None, "[1]", '{"title": "\\ud800", "n": 1}'),
    )
    assert found == {
        "path": ["a.jpg", "b.jpg", "c.jpg"],
        "custom_id": [identity.custom_id(key, 2), None, None],
        "flags": [["first_frame", "icc_converted"], [], None],
        "tags": [["a"], None, None],
        "n": [3, None, None],
        "title": ["T", None, "\ud800"],
    }


def test_an_empty_page() -> None:
    assert cells_of((Column("path", "string", "", "path"),)) == {"path": []}


def test_columns_with_another_name_in_the_table_are_listed() -> None:
    chosen = columns({"mood": "text", "model": "text"}, ["Location", "title"])
    assert [(c.key, c.name) for c in with_other_names(chosen)] == [
        ("model", "field_model"), ("Location", "column_Location"),
    ]  # fmt: skip
    less = without_locations(chosen)
    assert {c.name for c in chosen} - {c.name for c in less} == {"location"}
