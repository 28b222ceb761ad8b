from __future__ import annotations

import pytest

from pipeline.core.formulas import defused


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("=1", "'=1"),
        ("a;=1", "a;'=1"),
        ("a\t+1", "a\t'+1"),
        ('a"@x', "a\"'@x"),
        ("a;  -1; =2", "a;'  -1;' =2"),
        ("\tx", "'\tx"),
        ("a-b; c", "a-b; c"),
        ("a\0b", "a\ufffdb"),
    ],
)
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(cell: str, text: str) -> None:
    assert defused(cell) == text
