from __future__ import annotations

import contextlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.selection import parse_condition
from pipeline.errors import UsageError

_ROW = {
    "path": "drafts/a'b.jpg",
    "caption": "A red boat",
    "billed_cost": Decimal("0.000125"),
    "attempts": 2,
    "in_source": True,
    "flags": ["blank", "first_frame"],
    "review": None,
    "Alt text": "x",
}


def holds(text: str) -> bool | None:
    return parse_condition(text, _ROW)(_ROW)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("path = 'drafts/a''b.jpg'", True),
        ("path != 'x' and attempts = 2", True),
        ("path <> 'x' AND NOT attempts = 2", False),
        ("billed_cost > 0.0001", True),
        ("billed_cost >= 0.000125 and billed_cost <= 0.000125", True),
        ("attempts < -1", False),
        ("in_source = true", True),
        ("in_source = FALSE", False),
        ("path like 'drafts/%'", True),
        ("path like 'draft_/a%.jpg'", True),
        ("path like '%.JPG'", False),
        ("caption not like '%boat'", False),
        ("path like '.*'", False),
        ("attempts in (1, 2)", True),
        ("path not in ('x')", True),
        ("flags has 'blank'", True),
        ("flags has 'blan'", False),
        ("review is null", True),
        ("review is not null", False),
        ("review = 'edited'", None),
        ("not review = 'edited'", None),
        ("review = 'edited' or attempts = 2", True),
        ("review = 'edited' and attempts = 3", False),
        ("review in ('edited')", None),
        ("review like '%'", None),
        ("review has 'x'", None),
        ("attempts = 3 or attempts = 2 and path = 'x'", False),
        ("(attempts = 3 or attempts = 2) and path like 'd%'", True),
        ("not not attempts = 2", True),
        ("\"Alt text\" = 'x'", True),
    ],
)
def test_conditions(text: str, expected: bool | None) -> None:
    assert holds(text) is expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "a column is expected at its end"),
        ("pth = 'x'", "did you mean path"),
        ("zzz = 'x'", "no column 'zzz'"),
        ("path", "a comparison is expected at its end"),
        ("path = ", "a text in"),
        ("path = caption", "a text in"),
        ("path = 'x' path", "'and', 'or' or the end is expected at 'path'"),
        ("(path = 'x'", "')' is expected"),
        ("path in 'x'", "'(' is expected"),
        ("path = 'x", "is not understood"),
        ("path = 'x'; drop table images", "is not understood"),
        ("path is 'x'", "null is expected"),
        ("path not = 'x'", "a comparison is expected"),
        ("and = 'x'", "a column is expected"),
        ("(" * 60 + "path = 'x'" + ")" * 60, "parentheses"),
    ],
)
def test_what_is_no_condition(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words.replace("(", r"\(").replace(")", r"\)")):
        holds(text)


def test_what_does_not_compare_is_said() -> None:
    with pytest.raises(UsageError, match="caption holds str"):
        holds("caption > 3")
    with pytest.raises(UsageError, match="no list"):
        holds("caption has 'red'")


@given(st.text(max_size=40))
def test_any_text_is_a_condition_or_a_usage_error(text: str) -> None:
    with contextlib.suppress(UsageError):
        holds(text)


@given(st.text(max_size=20))
def test_any_text_can_be_compared(value: str) -> None:
    quoted = value.replace("'", "''")
    row = {"path": value}
    assert parse_condition(f"path = '{quoted}'", row)(row) is True
