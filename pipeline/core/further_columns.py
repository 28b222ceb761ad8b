"""Columns beside the documented ones: fields of structured answers, and those of a manifest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pipeline.core import table
from pipeline.core.json_schema import Node, alternatives, properties_of, types_of
from pipeline.core.table import Column, Kind

_SCALARS: Mapping[str, Kind] = {
    "string": "text",
    "integer": "int64",
    "number": "double",
    "boolean": "bool",
}


def field_kinds(schemas: Iterable[Mapping[str, Any]]) -> dict[str, Kind]:
    """Kinds of the fields beside the caption in JSON schemas of answers, in order.

    Where two schemas disagree about a field it becomes JSON text.
    """
    kinds: dict[str, Kind] = {}
    for schema in schemas:
        for name, node in properties_of(schema).items():
            if name != "caption":
                kind = _kind(node, schema)
                kinds[name] = kind if kinds.get(name, kind) == kind else "json"
    return kinds


def _kind(node: object, root: Node) -> Kind:
    """Kind that holds every value a schema allows; null is allowed everywhere."""
    options = list(alternatives(node, root))
    types = frozenset().union(*map(types_of, options)) - {"null"}
    if types == {"array"}:
        items = {
            _kind(option.get("items"), root) for option in options if types_of(option) == types
        }
        return "strings" if items == {"text"} else "json"
    if types and types <= _SCALARS.keys():
        kinds = {_SCALARS[kind] for kind in types}
        if len(kinds) == 1:
            return kinds.pop()
        if types == {"integer", "number"}:
            return "double"
        if "string" in types:
            return "text"
    return "json"


def with_other_names(columns: Iterable[Column]) -> list[Column]:
    """Fields and manifest's columns that have another name in the table."""
    return [column for column in columns if column.key not in (None, column.name)]


def without_locations(columns: Iterable[Column]) -> tuple[Column, ...]:
    """Columns that say nothing about this machine; the others keep their names."""
    return tuple(column for column in columns if column.source != "location")


def columns(fields: Mapping[str, Kind], manifest: Sequence[str]) -> tuple[Column, ...]:
    """List all columns: the fixed ones, an answer's fields, then a manifest's columns.

    A name that is taken (in any case: SQL does not tell "Path" from "path") gets the prefix
    `field_` or `column_`, and a number if that is taken too.
    """
    taken = {column.name.casefold() for column in table.FIXED}
    all_columns = list(table.FIXED)
    for name, kind in fields.items():
        text = f"field {name!r} of the structured answer"
        all_columns.append(Column(_free(name, "field_", taken), kind, text, "fields", name))
    for name in manifest:
        text = f"column {name!r} of the manifest"
        all_columns.append(Column(_free(name, "column_", taken), "text", text, "columns", name))
    return tuple(all_columns)


def _free(name: str, prefix: str, taken: set[str]) -> str:
    """`name` or the first variant of it that is not in `taken`, which it joins."""
    clean = name.encode("utf-8", "replace").decode("utf-8").replace("\0", "")
    free, number = clean if clean.strip() else f"{prefix}unnamed", 2
    if free.casefold() in taken:
        free = f"{prefix}{clean}"
    base = free
    while free.casefold() in taken:
        free, number = f"{base}_{number}", number + 1
    taken.add(free.casefold())
    return free
