from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from pipeline.errors import UsageError
from pipeline.sinks.partitioned import write_partitions

_TYPES = {"caption": pa.string(), "model": pa.string(), "count": pa.int64()}


def _rows(count: int, models: int = 3) -> list[dict[str, object]]:
    return [{"caption": f"c{n}", "model": f"m {n % models}", "count": n} for n in range(count)]


def test_folders_by_a_column(tmp_path: Path) -> None:
    root = tmp_path / "out"
    assert write_partitions(root, "model", _TYPES, _rows(30)) == 30
    assert len([path for path in root.iterdir() if path.is_dir()]) == 3
    table = ds.dataset(root, format="parquet", partitioning="hive").to_table()
    assert sorted(table["count"].to_pylist()) == list(range(30))
    assert set(table["model"].to_pylist()) == {"m 0", "m 1", "m 2"}
    query = f"SELECT COUNT(*) FROM read_parquet('{root}/**/*.parquet', hive_partitioning=true)"
    assert duckdb.sql(query).fetchall() == [(30,)]


def test_any_value_is_a_folder(tmp_path: Path) -> None:
    values = ["a/b", "..", "x=y", "\u00e9 z", None]
    rows = [{"caption": "c", "model": value, "count": 1} for value in values]
    write_partitions(tmp_path / "out", "model", _TYPES, rows)
    table = ds.dataset(tmp_path / "out", format="parquet", partitioning="hive").to_table()
    assert sorted(map(str, table["model"].to_pylist())) == sorted(map(str, values))
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_value_too_long_for_a_folder_is_said_and_the_old_export_stays(tmp_path: Path) -> None:
    root = tmp_path / "out"
    write_partitions(root, "model", _TYPES, _rows(30))
    rows = [{"caption": "c", "model": "ö" * 42 + end, "count": 1} for end in "ab"]
    with pytest.raises(UsageError, match="too long for the name of a folder"):
        write_partitions(root, "model", _TYPES, rows)
    assert len(ds.dataset(root, format="parquet").to_table()) == 30


def test_it_is_replaced_as_a_whole(tmp_path: Path) -> None:
    root = tmp_path / "out"
    write_partitions(root, "model", _TYPES, _rows(30))
    assert write_partitions(root, "model", _TYPES, _rows(4, models=1)) == 4
    assert len(ds.dataset(root, format="parquet").to_table()) == 4
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_link_stays_one(tmp_path: Path) -> None:
    root = tmp_path / "out"
    (tmp_path / "there").mkdir()
    root.symlink_to("there")
    for count in (30, 4):
        write_partitions(root, "model", _TYPES, _rows(count))
        assert root.is_symlink()
        assert len(ds.dataset(tmp_path / "there", format="parquet").to_table()) == count
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "there"]


def test_a_file_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UsageError, match="neither empty nor such an export"):
        write_partitions(tmp_path / "out", "model", _TYPES, _rows(1))


def test_nothing_is_a_folder_too(tmp_path: Path) -> None:
    assert write_partitions(tmp_path / "out", "model", _TYPES, []) == 0
    assert (tmp_path / "out").is_dir()


def test_what_is_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="neither empty"):
        write_partitions(tmp_path, "model", _TYPES, _rows(3))
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_too_many_values_are_said(tmp_path: Path) -> None:
    root = tmp_path / "out"
    write_partitions(root, "model", _TYPES, _rows(3))
    with pytest.raises(UsageError, match="more than 250 values"):
        write_partitions(root, "model", _TYPES, _rows(1_500, models=300))
    assert len(ds.dataset(root, format="parquet").to_table()) == 3
