"""Row groups that have not changed are copied: the file is the same as one made anew."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.cells import Cells
from pipeline.sinks import parquet_groups, row_groups
from pipeline.sinks.parquet import ParquetSink, check

from .conftest import make_cells, make_row

CELLS = make_cells({"properties": {"caption": {}, "tags": {"type": "array"}}}, ("title",))
captions = st.dictionaries(st.integers(0, 200), st.sampled_from(["a", "b", None]), max_size=120)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("FEWEST_ROWS", 5), ("MOST_ROWS", 40), ("_EVERY", 8), ("_BATCH_ROWS", 3)):
        monkeypatch.setattr(row_groups, name, value)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of row groups that were made, of each file that took from another one."""
    numbers: list[int] = []
    finish = parquet_groups.MergedFile.finish

    def finished(file: parquet_groups.MergedFile) -> None:
        numbers[:] = file.made
        finish(file)

    monkeypatch.setattr(parquet_groups.MergedFile, "finish", finished)
    return numbers


def rows(texts: Mapping[int, str | None]) -> list[tuple[object, ...]]:
    return [
        make_row(path=f"{number:03}.jpg", caption=texts[number], columns={"title": f"t{number}"},
                 fields={"tags": ["x"] * (number % 3)})
        for number in sorted(texts)
    ]  # fmt: skip


def write(path: Path, texts: Mapping[int, str | None], cells: Cells = CELLS) -> Any:
    """Write the table; gives what pyarrow reads, after the others agreed with it."""
    sink = ParquetSink(path)
    sink.earlier = path
    written = sink.write([rows(texts)], cells, {"captionmill.workspace": "w"})
    assert written.rows == len(texts)
    assert check(path) == len(texts)
    table = pq.read_table(path, page_checksum_verification=True)
    names = [column.name for column in cells.columns]
    assert pl.read_parquet(path).select(names).rows() == pl.from_arrow(table).rows()
    found = duckdb.sql(f"SELECT path, caption, title, tags FROM '{path}'").fetchall()
    assert found == [tuple(row.values()) for row in
                     table.select(["path", "caption", "title", "tags"]).to_pylist()]  # fmt: skip
    assert duckdb.sql(f"SELECT count(*) FROM '{path}' WHERE caption = 'a'").fetchall() == [
        (list(texts.values()).count("a"),)
    ], "statistics say where a value may be"
    return table


@settings(max_examples=25, deadline=None)
@given(st.lists(captions, min_size=1, max_size=4))
def test_a_table_that_is_brought_up_to_date_is_the_one_made_anew(
    tmp_path_factory: pytest.TempPathFactory, states: list[dict[int, str | None]]
) -> None:
    folder = tmp_path_factory.mktemp("tables")
    for number, texts in enumerate(states):
        table = write(folder / "captions.parquet", texts)
        assert table.equals(write(folder / f"{number}.parquet", texts), check_metadata=False)


def test_only_the_group_of_a_changed_row_is_made(tmp_path: Path, made: list[int]) -> None:
    path, texts = tmp_path / "captions.parquet", dict.fromkeys(range(200), "a")
    write(path, texts)
    groups = pq.read_metadata(path).num_row_groups
    assert groups > 4
    write(path, texts | {100: "b"})
    assert len(made) == 1
    assert pq.read_metadata(path).num_row_groups == groups
    write(path, texts | {100: "b"})
    assert made == [], "nothing has changed"


def test_groups_go_on_being_copied_from_a_file_of_copies(tmp_path: Path, made: list[int]) -> None:
    path, texts = tmp_path / "captions.parquet", dict.fromkeys(range(200), "a")
    write(path, texts)
    for number in range(0, 200, 40):
        texts[number] = "b"
        write(path, texts)
        assert len(made) == 1
    assert pq.read_table(path)["caption"].to_pylist().count("b") == 5


def test_a_row_before_all_others_moves_them(tmp_path: Path, made: list[int]) -> None:
    path, texts = tmp_path / "captions.parquet", dict.fromkeys(range(1, 200), "a")
    write(path, texts)
    table = write(path, texts | {0: "b"})
    assert len(made) <= 2
    assert table["caption"][0].as_py() == "b"


def test_other_columns_make_the_whole_anew(tmp_path: Path, made: list[int]) -> None:
    path, texts = tmp_path / "captions.parquet", dict.fromkeys(range(200), "a")
    write(path, texts)
    made.append(-1)
    cells = make_cells({"properties": {"caption": {}, "tags": {"type": "array"}}}, ("title", "x"))
    assert "x" in write(path, texts, cells).column_names
    assert made == [-1], "no group was taken"


def test_a_damaged_group_is_made_again(tmp_path: Path, made: list[int]) -> None:
    path, texts = tmp_path / "captions.parquet", dict.fromkeys(range(200), "a")
    expected = write(path, texts)
    place = pq.read_metadata(path).row_group(2).column(1)
    with path.open("r+b") as handle:
        handle.seek(place.dictionary_page_offset or place.data_page_offset)
        handle.write(b"\xff\xff\xff\xff")
    assert write(path, texts).equals(expected)
    assert made == [2]


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no table", b"PAR1" * 50])
def test_a_file_that_is_no_table_is_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "captions.parquet"
    path.write_bytes(content)
    write(path, dict.fromkeys(range(50), "a"))
