from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.sources.path_list import names_a_path, read_path_list
from pipeline.sources.table_rows import MAX_LINE_CHARACTERS
from pipeline.sources.table_text import EarlierReading, survey_text


@pytest.mark.parametrize(
    ("line", "is_path"),
    [
        ("a.jpg", True),
        ("/x/a.JPEG", True),
        ("https://example.org/a", True),
        ("there", True),
        ("title", False),
        ("", False),
        ("bild,titel", False),
        ("x" * 5000, False),
        ("a\0b", False),
    ],
)
def test_a_first_line_that_names_a_path(tmp_path: Path, line: str, is_path: bool) -> None:
    (tmp_path / "there").touch()
    assert names_a_path(line, tmp_path) is is_path


def test_a_line_without_end_is_a_bad_row(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("a.jpg\n" + "x" * (3 * MAX_LINE_CHARACTERS) + "\nb.jpg")
    read = list(read_path_list(path, survey_text(path, None, EarlierReading()), "\n").rows())
    assert [(row.line, row.problem) for row in read] == [(1, ""), (2, "bad_row"), (3, "")]
    assert read[2].fields == ("b.jpg",)
