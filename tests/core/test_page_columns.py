from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.page_columns import Hashes, Repeated, joined_columns, shortest

hashes = st.lists(st.binary(min_size=32, max_size=32), min_size=1)
columns = (
    st.lists(st.none() | st.integers(0, 2) | st.sampled_from(["", "a"]), min_size=1)
    | hashes
    | st.lists(st.none() | st.binary(max_size=33), min_size=1)
)
bounds = st.none() | st.integers(-5, 5)


@given(columns, bounds, bounds, st.sampled_from([None, 1, 2, -1]))
def test_a_short_column_is_the_same(
    column: list[object], start: int | None, stop: int | None, step: int | None
) -> None:
    short = shortest(column)
    part = slice(start, stop, step)
    assert [*short] == column
    assert (len(short), short[0], short[-1]) == (len(column), column[0], column[-1])
    assert [*short[part]] == column[part]
    with pytest.raises(IndexError):
        short[len(column)]


@given(st.lists(columns, min_size=1, max_size=3), st.integers(1, 4))
def test_columns_of_pages_are_one_however_they_are_held(
    parts: list[list[object]], size: int
) -> None:
    whole = [value for part in parts for value in part]
    pieces = [shortest(whole[at : at + size]) for at in range(0, len(whole), size)]
    one, other = shortest(joined_columns([*map(shortest, parts)])), shortest(joined_columns(pieces))
    assert [*one] == [*other] == whole
    assert type(one) is type(other)


@given(hashes)
def test_hashes_are_held_as_one(column: list[bytes]) -> None:
    short = shortest(column)
    assert isinstance(short, Hashes)
    assert short.joined == b"".join(column)


@pytest.mark.parametrize("column", [[None] * 3, [7], ["a", "a"]])
def test_a_value_that_all_rows_have_is_held_once(column: Sequence[object]) -> None:
    short = shortest(column)
    assert isinstance(short, Repeated)
    assert short.value == column[0]
