from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.core import table
from pipeline.core.further_columns import columns, field_kinds, with_other_names, without_locations


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


def test_columns_with_another_name_in_the_table_are_listed() -> None:
    chosen = columns({"mood": "text", "model": "text"}, ["Location", "title"])
    assert [(c.key, c.name) for c in with_other_names(chosen)] == [
        ("model", "field_model"), ("Location", "column_Location"),
    ]  # fmt: skip
    less = without_locations(chosen)
    assert {c.name for c in chosen} - {c.name for c in less} == {"location"}
