from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.sinks.text_sums import FileMark, sum_of_texts


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.txt", "b.txt", "a.jpg"):
        (tmp_path / name).write_text("a text")
    return tmp_path


def _same_size_and_time(folder: Path) -> None:
    status = (folder / "a.txt").stat()
    (folder / "a.txt").write_text("another"[:6])
    os.utime(folder / "a.txt", ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "a.txt").unlink(),
        lambda folder: (folder / "c.txt").touch(),
        lambda folder: (folder / "a.txt").rename(folder / "c.txt"),
        lambda folder: (folder / "a.txt").write_text("a longer text"),
        _same_size_and_time,
    ],
)
def test_another_sum_when_a_text_is_another_one(
    folder: Path, change: Callable[[Path], object]
) -> None:
    before = sum_of_texts(folder, ".txt")
    assert before is not None
    assert len(before) == 16
    (folder / "a.jpg").write_text("no text")
    assert sum_of_texts(folder, ".txt") == before
    change(folder)
    assert sum_of_texts(folder, ".txt") != before


def test_no_sum_where_a_text_is_not_as_expected(folder: Path) -> None:
    mark = FileMark.of((folder / "a.txt").stat())
    assert sum_of_texts(folder, ".txt", {"a.txt": mark}) == sum_of_texts(folder, ".txt")
    assert sum_of_texts(folder, ".txt", {"a.txt": mark._replace(inode=1)}) is None
    assert sum_of_texts(folder, ".txt", {"c.txt": mark}) is None
    assert sum_of_texts(folder / "gone", ".txt") is None
