from __future__ import annotations

import json

import pytest

from pipeline.core import identity
from pipeline.core.cells import Cells
from pipeline.core.table import Column

NAMES = ("path", "work_key", "attempt", "flags", "fields", "columns")


def cells_of(found: tuple[Column, ...], *rows: tuple[object, ...]) -> dict[str, list[object]]:
    cells = Cells(NAMES, found)
    return {c.name: list(v) for c, v in zip(cells.columns, cells.of(rows), strict=True)}


def test_a_ledger_that_lacks_a_column_is_a_bug() -> None:
    with pytest.raises(ValueError, match="lack caption"):
        Cells(["path"], [Column("caption", "text", "", "caption")])


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
