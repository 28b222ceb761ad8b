from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.table import FIXED
from pipeline.sinks import row_groups
from pipeline.sinks.arrow import schema_of

from .conftest import make_cells, make_row

CELLS = make_cells()
SCHEMA = schema_of(CELLS.columns, {})
MADE = ("work_key", "custom_id")  # of other cells
names = st.lists(st.integers(0, 400), max_size=150, unique=True).map(sorted)


def groups(numbers: list[int], page: int = 7, caption: str = "") -> list[tuple[list[str], str]]:
    """(paths, checksum) of each group of images with these numbers."""
    rows = [make_row(path=f"{n:03}.jpg", caption=f"{caption}{n}") for n in numbers]
    pages = [rows[at : at + page] for at in range(0, len(rows), page)]
    return [
        ([path for batch in group for path in batch["path"].to_pylist()],
         row_groups.digest_of(group))
        for group in row_groups.row_groups(pages, CELLS, SCHEMA)
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
    assert cut == groups(numbers, 1000)


@given(names, st.integers(0, 400))
def test_a_row_more_changes_few_groups(numbers: list[int], more: int) -> None:
    before = {digest for _, digest in groups(numbers)}
    after = [digest for _, digest in groups(sorted({*numbers, more}))]
    assert len([digest for digest in after if digest not in before]) <= 6


def test_a_changed_cell_changes_its_group_alone() -> None:
    numbers = list(range(300))
    before = groups(numbers)
    rows = [make_row(path=f"{n:03}.jpg", caption="new" if n == 150 else f"{n}") for n in numbers]
    after = [row_groups.digest_of(g) for g in row_groups.row_groups([rows], CELLS, SCHEMA)]
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
    assert row_groups.digest_of(one) != row_groups.digest_of(other)
