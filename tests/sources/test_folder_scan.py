from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from pipeline.sources.base import SourceOptions, Stamp
from pipeline.sources.folder_rules import FolderRules
from pipeline.sources.folder_scan import FolderScan, ScannedFile, listed_names, sum_of


def lines_of(folder: Path, stamp: Stamp = "ctime") -> list[str]:
    rules = FolderRules.read(SourceOptions(stamp=stamp), str(folder))
    return [line for lines, _ in FolderScan(rules, "").parts() for line in lines]


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.mark.parametrize("stamp", ["ctime", "mtime"])
def test_a_line_says_what_stat_says(tmp_path: Path, stamp: Stamp) -> None:
    path = tmp_path / os.fsdecode(b"a\xff\nb.jpg")
    path.write_bytes(b"bytes")
    os.utime(path, ns=(0, -1_500_000_000))
    status = path.stat()
    [line] = lines_of(tmp_path, stamp)
    changed = status.st_ctime_ns if stamp == "ctime" else None
    assert ScannedFile.of(line) == ScannedFile(
        path.name, 5, -1_500_000_000, status.st_ino, changed, ""
    )
    assert list(listed_names([line])) == [path.name]


def test_what_is_only_counted_has_a_reason(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe.jpg")
    lines = lines_of(tmp_path)
    assert {ScannedFile.of(line).reason for line in lines} == {"(broken link)", "(not a file)"}
    assert list(listed_names(lines)) == []


def test_a_sum_knows_each_byte_and_no_order() -> None:
    lines = [f"{number}.jpg\x001\x002\x003\x004\0" for number in range(50)]
    before = sum_of(lines)
    random.Random(1).shuffle(lines)
    assert sum_of(lines) == before
    for part in range(6):
        fields = lines[0].split("\0")
        fields[part] += "1"
        assert sum_of(["\0".join(fields), *lines[1:]]) != before


def test_a_folder_is_closed_by_whoever_stops_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        (tmp_path / f"{number}.jpg").touch()
    monkeypatch.setattr("pipeline.sources.folder_scan.SORTED_AT_ONCE", 2)
    rules = FolderRules.read(SourceOptions(), str(tmp_path))
    parts = FolderScan(rules, "").parts()
    before = open_files()
    next(parts)
    assert open_files() > before
    parts.close()  # type: ignore[attr-defined]
    assert open_files() == before


def test_a_file_that_is_gone_since_it_was_listed_is_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.jpg").touch()
    (tmp_path / "b.jpg").touch()
    scandir = os.scandir

    def vanishing(folder: int) -> object:
        listed = scandir(folder)
        (tmp_path / "a.jpg").unlink()
        return listed

    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", vanishing)
        lines = lines_of(tmp_path)
    assert list(listed_names(lines)) == ["b.jpg"]
