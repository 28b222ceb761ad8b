from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.sources.parquet_manifest import read_parquet


def test_a_row_of_another_type_or_without_bound_is_a_bad_row(tmp_path: Path) -> None:
    path = tmp_path / "m.parquet"
    pq.write_table(pa.table({"path": ["a", "b"], "t": ["x" * 131_073, "y"]}), path)
    table = read_parquet(path, None)
    assert [(row.line, row.problem) for row in table.rows()] == [(1, "bad_row"), (2, "")]
    pq.write_table(pa.table({"path": [1, 2]}), path)
    assert [row.detail for row in read_parquet(path, None).rows()] == [
        "row 1: path is no text",
        "row 2: path is no text",
    ]


def test_images_of_a_data_set_that_are_only_named_are_paths(tmp_path: Path) -> None:
    path = tmp_path / "m.parquet"
    images = [{"bytes": None, "path": "a.jpg"}, {"bytes": b"x", "path": "b.jpg"}, None]
    pq.write_table(pa.table({"image": images, "t": ["x", "y", "z"]}), path)
    rows = list(read_parquet(path, None).rows())
    assert [row.problem for row in rows] == ["", "bad_row", ""]
    assert rows[0].fields == ("a.jpg", "x")
