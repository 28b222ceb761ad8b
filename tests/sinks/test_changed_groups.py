"""A table to which changes were made group by group is the one that is made anew."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import BooksError
from pipeline.sinks import row_groups
from pipeline.sinks.arrow import schema_of
from pipeline.sinks.base import ChangeableTable, TableChanges
from pipeline.sinks.changed_groups import changed_groups
from pipeline.sinks.parquet import ParquetSink

from .conftest import make_cells, make_row

CELLS = make_cells()
Texts = Mapping[int, str]


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("FEWEST_ROWS", 5), ("MOST_ROWS", 40), ("_EVERY", 8), ("_BATCH_ROWS", 3)):
        monkeypatch.setattr(row_groups, name, value)


def rows(texts: Texts, first: int = 0) -> list[tuple[object, ...]]:
    return [make_row(path=f"{n:03}.jpg", caption=texts[n]) for n in sorted(texts) if n >= first]


def changes(before: Texts, after: Texts, groups: Sequence[int]) -> TableChanges:
    """What the ledger would say of tables of numbered rows."""
    numbers = sorted(before)
    starts = [numbers[at] for at in accumulate((0, *groups[:-1]))]

    def group_of(number: int) -> int:
        return max(0, bisect_right(starts, number) - 1)

    def pages(group: int) -> Iterable[list[tuple[object, ...]]]:
        read = rows(after, starts[group] if group else 0)
        return [read[at : at + 7] for at in range(0, len(read), 7)]

    changed = {group_of(n) for n, text in after.items() if before.get(n) != text}
    more = Counter(group_of(n) for n in after if n not in before)
    return TableChanges(groups, frozenset(changed), more, pages)


def replacing(path: Path) -> ParquetSink:
    """Table that takes over parts of the one that it replaces."""
    sink = ParquetSink(path)
    sink.earlier = path
    return sink


numbered = st.dictionaries(st.integers(0, 400), st.sampled_from("ab"), max_size=200)


@settings(max_examples=25, deadline=None)
@given(st.lists(numbered, min_size=2, max_size=4))
def test_a_changed_table_is_the_one_made_anew(
    tmp_path_factory: pytest.TempPathFactory, states: list[dict[int, str]]
) -> None:
    folder, texts = tmp_path_factory.mktemp("tables"), dict[int, str]()
    sink, anew = replacing(folder / "captions.parquet"), ParquetSink(folder / "anew.parquet")
    for more in states:
        before, texts = texts, texts | more
        groups = sink.rows_of_groups(CELLS, {})
        if groups:
            written = sink.write_changes(changes(before, texts, groups), CELLS, {})
        else:
            written = sink.write([rows(texts)], CELLS, {})
        anew.path.unlink(missing_ok=True)
        expected = anew.write([rows(texts)], CELLS, {})
        assert (written.rows, written.groups) == (expected.rows, expected.groups)
        for one in (sink, anew):
            assert one.path.stat().st_size
            one.check(len(texts))
        assert pq.read_table(sink.path).equals(pq.read_table(anew.path))
        names = pq.read_metadata(sink.path).metadata[b"captionmill.row_groups"]
        assert names == pq.read_metadata(anew.path).metadata[b"captionmill.row_groups"]


def test_only_changed_groups_are_read(tmp_path: Path) -> None:
    sink, texts = replacing(tmp_path / "captions.parquet"), dict.fromkeys(range(300), "a")
    groups = list(sink.write([rows(texts)], CELLS, {}).groups)
    assert len(groups) > 8
    assert sink.rows_of_groups(CELLS, {}) == groups
    assert isinstance(sink, ChangeableTable)
    number = sum(groups[:4]) + 1
    change = changes(texts, texts | {number: "b"}, groups)
    parts = list(changed_groups(change, CELLS, schema_of(CELLS.columns, {})))
    assert [part for part in parts if isinstance(part, int)] == [
        *range(4), *range(5, len(groups))
    ]  # fmt: skip


def test_a_damaged_group_is_not_taken_over(tmp_path: Path) -> None:
    sink, texts = replacing(tmp_path / "captions.parquet"), dict.fromkeys(range(200), "a")
    groups = list(sink.write([rows(texts)], CELLS, {}).groups)
    data = bytearray(sink.path.read_bytes())
    data[pq.read_metadata(sink.path).row_group(3).column(1).data_page_offset + 9] ^= 1
    sink.path.write_bytes(data)
    with pytest.raises(BooksError, match=r"row group 3 of .* is damaged"):
        sink.write_changes(changes(texts, texts | {0: "b"}, groups), CELLS, {})
    assert sink.path.read_bytes() == data


def test_a_table_made_otherwise_has_nothing_to_take_over(tmp_path: Path) -> None:
    sink, texts = replacing(tmp_path / "captions.parquet"), dict.fromkeys(range(200), "a")
    assert sink.rows_of_groups(CELLS, {}) == []
    sink.write([rows(texts)], CELLS, {})
    assert sink.rows_of_groups(CELLS, {}) != []
    assert sink.rows_of_groups(CELLS, {"another": "fact"}) == []
    assert sink.rows_of_groups(make_cells({"properties": {"x": {}}}), {}) == []


def test_nothing_is_taken_over_from_a_table_that_nobody_vouches_for(tmp_path: Path) -> None:
    sink, texts = replacing(tmp_path / "captions.parquet"), dict.fromkeys(range(200), "a")
    sink.write([rows(texts)], CELLS, {})
    assert ParquetSink(sink.path).rows_of_groups(CELLS, {}) == []
