from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from xxhash import xxh3_128

from pipeline.errors import BooksError
from pipeline.sinks import row_groups
from pipeline.sinks.parquet import ParquetSink
from pipeline.sinks.parquet_footer import footer_bytes, group_place, read_footer
from pipeline.sinks.parquet_groups import ROW_GROUPS
from pipeline.sinks.parquet_pages import check_pages

from .conftest import make_cells, make_row

ROWS = 60


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Table of several row groups."""
    for name, value in (("FEWEST_ROWS", 5), ("MOST_ROWS", 20), ("_EVERY", 8), ("_BATCH_ROWS", 3)):
        monkeypatch.setattr(row_groups, name, value)
    path = tmp_path / "captions.parquet"
    rows = [make_row(path=f"{n:03}.jpg", caption=f"caption {n} " * 9) for n in range(ROWS)]
    written = ParquetSink(path).write([rows], make_cells(), {})
    assert len(written.groups) > 2
    return path


def changed(path: Path, change: Callable[[Any], object]) -> None:
    """Change the first row group's entry in the footer."""
    with path.open("rb") as file:
        footer = read_footer(file)
    data = path.read_bytes()
    end_of_data = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    change(footer.row_groups[0])
    path.write_bytes(data[:end_of_data] + footer_bytes(footer, footer.row_groups, {}))


def groups_of(path: Path) -> range:
    return range(pq.read_metadata(path).num_row_groups)


def test_what_was_written_is_right(table: Path) -> None:
    check_pages(table, ROWS, groups_of(table))
    check_pages(table, ROWS, [])
    with pytest.raises(BooksError, match=r"captions\.parquet is damaged: it has 60 rows where 61"):
        check_pages(table, ROWS + 1, [])


def test_each_flipped_bit_of_a_row_group_is_seen(table: Path) -> None:
    good, chance = table.read_bytes(), random.Random(7)
    with table.open("rb") as file:
        places = [group_place(group) for group in read_footer(file).row_groups]
    for _ in range(300):
        number = chance.randrange(len(places))
        bad = bytearray(good)
        bad[places[number].start + chance.randrange(places[number].size)] ^= 1 << chance.randrange(
            8
        )
        table.write_bytes(bad)
        with pytest.raises(BooksError, match="not the one that was written"):
            check_pages(table, ROWS, [number])
        check_pages(table, ROWS, [other for other in groups_of(table) if other != number])


def test_a_page_that_was_damaged_before_it_was_written_is_seen(table: Path) -> None:
    """The checksum of its row group is of the damaged page then."""
    with table.open("rb") as file:
        place = group_place(read_footer(file).row_groups[0])
    data = bytearray(table.read_bytes())
    data[place.start + place.size - 1] ^= 1
    named = json.loads(pq.read_metadata(table).metadata[ROW_GROUPS.encode()])
    before = named["groups"][0][1].encode()
    after = xxh3_128(data[place.start : place.start + place.size]).hexdigest().encode()
    table.write_bytes(bytes(data).replace(before, after))
    with pytest.raises(BooksError, match="a page has not its checksum"):
        check_pages(table, ROWS, groups_of(table))


def test_a_footer_that_says_otherwise_is_seen(table: Path) -> None:
    good = table.read_bytes()

    def more_values(group: Any) -> None:
        group.columns[1].meta_data.num_values += 1

    def other_place(group: Any) -> None:
        group.columns[1].meta_data.data_page_offset += 1

    for change, words in ((more_values, "'path' lacks rows"), (other_place, "not the one")):
        table.write_bytes(good)
        changed(table, change)
        with pytest.raises(BooksError, match=words):
            check_pages(table, ROWS, groups_of(table))


@pytest.mark.parametrize("content", [b"", b"PAR1", b"x" * 300])
def test_what_is_no_table_is_damaged(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "captions.parquet"
    path.write_bytes(content)
    with pytest.raises(BooksError, match="is damaged"):
        check_pages(path, 0, [])
