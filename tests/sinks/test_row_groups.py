from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core import table
from pipeline.core.cells import Cells
from pipeline.core.table import FIXED
from pipeline.core.table_form import Affixes
from pipeline.core.table_page import Page
from pipeline.sinks import row_groups
from pipeline.sinks.arrow import schema_of

from .conftest import LEDGER, make_cells, make_row

CELLS = make_cells()
SCHEMA = schema_of(CELLS.columns, {})
MADE = ("work_key", "custom_id")  # of other cells
names = st.lists(st.integers(0, 400), max_size=150, unique=True).map(sorted)


def groups(
    numbers: list[int], page: int = 7, caption: str = "", *, waits: bool = False
) -> list[tuple[list[str], str]]:
    """(paths, checksum) of each group of images with these numbers."""
    rows = [make_row(path=f"{n:03}.jpg", caption=f"{caption}{n}") for n in numbers]
    pages = [rows[at : at + page] for at in range(0, len(rows), page)]
    return [
        ([path for batch in group.batches() for path in batch["path"].to_pylist()], group.name())
        for group in row_groups.row_groups(pages, CELLS, SCHEMA, waits=waits)
    ]  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def _small() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(row_groups, "FEWEST_ROWS", 5)
        patch.setattr(row_groups, "MOST_ROWS", 40)
        patch.setattr(row_groups, "_EVERY", 8)
        patch.setattr(row_groups, "_BATCH_ROWS", 3)
        yield


@given(names, st.integers(1, 50))
def test_groups_hold_all_rows_in_order_whatever_the_pages(numbers: list[int], page: int) -> None:
    cut = groups(numbers, page)
    assert [path for paths, _ in cut for path in paths] == [f"{n:03}.jpg" for n in numbers]
    assert all(5 <= len(paths) <= 40 for paths, _ in cut[:-1])
    assert cut == groups(numbers, 1000, waits=True)


@given(names, st.integers(1, 50), st.integers(1, 200))
def test_long_texts_make_short_pieces_whatever_the_pages(
    numbers: list[int], page: int, long: int
) -> None:
    rows = [make_row(path=f"{n:03}.jpg", caption="x" * (n % 7 * long)) for n in numbers]
    pages = [rows[at : at + page] for at in range(0, len(rows), page)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(row_groups, "_BATCH_ROWS", 8)
        patch.setattr(row_groups, "_PIECE_TEXT", 1_000)
        cut = [
            [batch["caption"].to_pylist() for batch in group.batches()]
            for group in row_groups.row_groups(pages, CELLS, SCHEMA, waits=False)
        ]
        again = [
            [batch["caption"].to_pylist() for batch in group.batches()]
            for group in row_groups.row_groups([rows], CELLS, SCHEMA, waits=True)
        ]
    assert cut == again
    pieces = [piece for group in cut for piece in group]
    assert [text for piece in pieces for text in piece] == ["x" * (n % 7 * long) for n in numbers]
    # the last row of a piece may be the one by which it is long
    assert all(sum(map(len, piece[:-1])) < 1_000 for piece in pieces)


@given(names, st.integers(0, 400))
def test_a_row_more_changes_few_groups(numbers: list[int], more: int) -> None:
    before = {digest for _, digest in groups(numbers)}
    after = [digest for _, digest in groups(sorted({*numbers, more}))]
    assert len([digest for digest in after if digest not in before]) <= 6


def test_a_changed_cell_changes_its_group_alone() -> None:
    numbers = list(range(300))
    before = groups(numbers)
    rows = [make_row(path=f"{n:03}.jpg", caption="new" if n == 150 else f"{n}") for n in numbers]
    after = [group.name() for group in row_groups.row_groups([rows], CELLS, SCHEMA)]
    changed = [paths for (paths, digest), new in zip(before, after, strict=True) if digest != new]
    assert len(before) > 5
    assert len(changed) == 1
    assert "150.jpg" in changed[0]


@pytest.mark.parametrize("column", [c.name for c in FIXED if c.name not in MADE])
def test_each_column_counts(column: str) -> None:
    """A null is another cell than any value."""
    kind = next(one.kind for one in FIXED if one.name == column)
    value = "x" if kind in ("string", "text", "strings", "json") else 1
    pages = [[make_row(**{column: value})], [make_row(**{column: None})]]
    one, other = (next(iter(row_groups.row_groups([page], CELLS, SCHEMA))) for page in pages)
    assert one.name() != other.name()


def test_what_a_row_stands_for_counts_where_it_is_named() -> None:
    """A ledger made again may number its specs in another order."""
    column = table.column("model", "string", "")

    def name(numbers: list[int], models: Mapping[object, object]) -> str:
        cells = Cells(("path", "spec"), [column], facts={"model": models})
        pages = [[(str(number), number) for number in numbers]]
        (group,) = row_groups.row_groups(pages, cells, schema_of([column], {}))
        return group.name()

    before = name([1, 2], {1: "one", 2: "two"})
    assert before == name([1, 2], {1: "one", 2: "two", 3: "three"}), "no row is about the third"
    assert before != name([1, 2], {1: "two", 2: "one"})
    assert before != name([1, 2], {1: "one"})


def test_affixes_count() -> None:
    names = set()
    for affixes in (None, Affixes("a ", ""), Affixes("", " a")):
        cells = Cells(LEDGER, FIXED, affixes)
        names.add(next(iter(row_groups.row_groups([[make_row()]], cells, SCHEMA))).name())
    assert len(names) == 3


@given(names.filter(bool), st.integers(1, 9), st.sampled_from([None, b"a" * 32, b"a"]))
def test_groups_are_the_same_however_columns_are_held(
    numbers: list[int], page: int, key: bytes | None
) -> None:
    rows = [
        make_row(path=f"{n:03}.jpg", source_id=n.to_bytes(32), content_id=key, reason=str(n // 50))
        for n in numbers
    ]
    parts = [Page.of(rows[at : at + page]) for at in range(0, len(rows), page)]
    long, short, later = (
        [(group.name(), group.batches()) for group in row_groups.row_groups(pages, CELLS, SCHEMA,
                                                                            waits=waits)]
        for pages, waits in (
            (parts, False), ([part.shortest() for part in parts], False), ([Page.of(rows)], True),
        )
    )  # fmt: skip
    assert long == short == later
    sources = [cell for _, batches in long for batch in batches for cell in batch["source_id"]]
    assert [str(cell) for cell in sources] == [n.to_bytes(32).hex() for n in numbers]


def test_texts_that_utf_8_cannot_hold_are_the_same_cells_at_once_and_later() -> None:
    page = [make_row(caption="\ud800 x"), make_row(caption="\ud83d\ude00"), make_row(caption=None)]
    now, later = (
        next(iter(row_groups.row_groups([page], CELLS, SCHEMA, waits=waits)))
        for waits in (False, True)
    )
    assert now.name() == later.name()
    assert now.batches() == later.batches()
    assert now.batches()[0]["caption"].to_pylist() == ["\ufffd x", "\U0001f600", None]
