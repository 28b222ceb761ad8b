from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.sinks.parquet_footer import footer_bytes, group_place, move_group, read_footer


def written(numbers: list[int], name: str = "n") -> bytes:
    file = io.BytesIO()
    table = pa.table({name: numbers, "text": pa.array([str(n) for n in numbers])})
    pq.write_table(table, file, row_group_size=2, write_page_index=True)
    return file.getvalue()


def test_row_groups_of_two_files_make_one() -> None:
    files, groups = [written([1, 2, 3, 4]), written([5, 6])], []
    target = io.BytesIO()
    target.write(b"PAR1")
    for data, number in ((files[0], 1), (files[1], 0), (files[0], 0)):
        footer = read_footer(io.BytesIO(data))
        group = footer.row_groups[number]
        place = group_place(group)
        move_group(group, target.tell())
        target.write(data[place.start : place.start + place.size])
        groups.append(group)
    target.write(footer_bytes(footer, groups, {"more": "words"}))
    table = pq.read_table(target)
    assert table["n"].to_pylist() == [3, 4, 5, 6, 1, 2]
    assert table["text"].to_pylist() == ["3", "4", "5", "6", "1", "2"]
    metadata = pq.read_metadata(target)
    assert metadata.metadata[b"more"] == b"words"
    assert metadata.row_group(0).column(0).statistics.max == 4
    assert metadata.num_rows == 6


def test_a_name_is_replaced() -> None:
    footer = read_footer(io.BytesIO(written([1])))
    for word in ("one", "two"):
        end = footer_bytes(footer, footer.row_groups, {"word": word})
        footer = read_footer(io.BytesIO(end))
    assert [one.value for one in footer.key_value_metadata if one.key == b"word"] == [b"two"]


@pytest.mark.parametrize("data", [b"", b"PAR1", b"12345678", b"\xff\xff\xff\xffPAR1"])
def test_what_is_no_table_has_no_footer(data: bytes) -> None:
    with pytest.raises(ValueError, match="no footer"):
        read_footer(io.BytesIO(data))
