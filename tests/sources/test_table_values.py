from __future__ import annotations

import datetime
from decimal import Decimal

import pytest

from pipeline.sources.table_values import has_long_field, text_of


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        ("", ""),
        (True, "true"),
        (10**30, "1" + "0" * 30),
        (1e-7, "1e-07"),
        (float("nan"), None),
        (Decimal("NaN"), None),
        (Decimal("1E+3"), "1000"),
        (datetime.date(2026, 1, 2), "2026-01-02"),
        (datetime.timedelta(seconds=90), "0:01:30"),
        ({"a": [None, {"b": Decimal("1.5")}]}, '{"a": [null, {"b": "1.5"}]}'),
        (b"\xc3\xbc", "ü"),
        (b"\xff", "ff"),
    ],
)
def test_a_value_as_text(value: object, text: str | None) -> None:
    assert text_of(value) == text


def test_a_field_has_a_bound() -> None:
    assert has_long_field(("a", None, "x" * 131_073))
    assert not has_long_field(("x" * 131_072, None))
