from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.table_page import Page

pages = st.lists(st.lists(st.tuples(st.integers(), st.text()), min_size=1), min_size=1)


@given(pages)
def test_a_page_is_its_rows(parts: list[list[tuple[int, str]]]) -> None:
    rows = [row for part in parts for row in part]
    page = Page.joined([Page.of(part) for part in parts])
    assert list(page) == rows
    assert (len(page), page[0], page[-1]) == (len(rows), rows[0], rows[-1])
    assert [list(column) for column in page.columns] == [
        list(one) for one in zip(*rows, strict=True)
    ]


@given(st.lists(st.integers(), min_size=1), st.integers(0, 5), st.integers(0, 5))
def test_a_part_is_the_part_of_each_column(numbers: list[int], start: int, stop: int) -> None:
    rows: Sequence[tuple[int, str]] = [(number, str(number)) for number in numbers]
    part = Page.of(rows)[start:stop]
    assert (list(part), len(part)) == (list(rows[start:stop]), len(rows[start:stop]))


def test_a_page_is_taken_as_it_is() -> None:
    page = Page.of([(1, 2)])
    assert Page.of(page) is page
    assert Page.joined([page]) is page[:] is page
