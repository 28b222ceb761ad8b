from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.review.sheet_cells import from_cell, to_cell

CONVERTED = ["007", "1/2", "12:30", "1E5", "3.10", "TRUE", "50%", "1,234", "12345678901234567890",
             "Mar 5", "5 March 2026", "5. März", "$5.00", "0" * 64, "3 apples"]  # fmt: skip


@pytest.mark.parametrize("text", CONVERTED)
def test_what_a_spreadsheet_converts_gets_an_apostrophe(text: str) -> None:
    assert to_cell(text) == f"'{text}"


@pytest.mark.parametrize(
    "text", ["a cat", "A dog on 3 legs runs", "{}", "", "accepted", "'quoted'"]
)
def test_what_it_leaves_alone_stays_as_it_is(text: str) -> None:
    assert to_cell(text) == text


@given(st.text(st.characters(exclude_characters="\0")))
@example("'90s car")
@example("''007")
@example("'-5")
@example("-5 degrees")
@example(" 7 ")
def test_every_text_comes_back(text: str) -> None:
    assert from_cell(to_cell(text)) == text
