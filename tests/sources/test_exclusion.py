from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.sources.exclusion import IGNORE_FILE, NOTHING_EXCLUDED, read_exclusion


@pytest.mark.parametrize(
    ("path", "is_out"),
    [
        ("a_small.jpg", True),
        ("sub/a_small.jpg", True),
        ("drafts/x/a.jpg", True),
        ("drafts", False),
        ("drafts/", True),
        ("top.png", True),
        ("sub/top.png", False),
        ("a.jpg", False),
        ("keep_small.jpg", False),
        ("\udcff_small.jpg", True),
    ],
)
def test_patterns_are_those_of_gitignore(path: str, is_out: bool) -> None:
    rules = read_exclusion(["*_small.jpg", "drafts/", "/top.png", "!keep_small.jpg"])
    assert rules.excludes(path) is is_out


def test_the_file_can_only_leave_out(tmp_path: Path) -> None:
    (tmp_path / IGNORE_FILE).write_text("# notes\n\n*.png\r\n!*.jpg\n")
    rules = read_exclusion(["*.jpg"], str(tmp_path))
    assert [rules.excludes(name) for name in ("a.png", "a.jpg", "a.gif")] == [True, True, False]
    assert rules.facts != read_exclusion(["*.jpg"]).facts != ()
    (tmp_path / IGNORE_FILE).write_text("\n")
    assert read_exclusion((), str(tmp_path)) == NOTHING_EXCLUDED
    assert read_exclusion(()).facts == ()


def test_a_file_that_cannot_be_understood_ends_the_run(tmp_path: Path) -> None:
    ignore = tmp_path / IGNORE_FILE
    ignore.symlink_to("/etc/passwd")
    with pytest.raises(UsageError, match="no ordinary file"):
        read_exclusion((), str(tmp_path))
    ignore.unlink()
    ignore.write_text("a\n" + "*a" * 20 + "\n")
    with pytest.raises(UsageError, match="line 2 has more than 12 stars"):
        read_exclusion((), str(tmp_path))
    ignore.write_bytes(b"x" * (1 << 20) + b"y")
    with pytest.raises(UsageError, match="larger than"):
        read_exclusion((), str(tmp_path))
    with pytest.raises(UsageError, match=r"\[input\] exclude line 1 is no pattern"):
        read_exclusion(["!"])


def test_a_path_in_a_folder_that_is_left_out_is_not_taken_in_again() -> None:
    rules = read_exclusion(["drafts/", "!drafts/a.png", "*.gif", "!keep.gif"])
    assert rules.excludes_within("drafts/a.png")
    assert rules.excludes_within("x/drafts/y/a.png")
    assert rules.excludes_within("x/a.gif")
    assert not rules.excludes_within("x/keep.gif")
    assert not rules.excludes_within("x/a.png")
