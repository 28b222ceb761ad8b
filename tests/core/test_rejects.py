from __future__ import annotations

from pipeline.core.rejects import COLUMNS


def test_the_published_columns_stay() -> None:
    assert [column.name for column in COLUMNS] == ["source", "path", "reason_code", "detail"]
    assert all(column.description for column in COLUMNS)
