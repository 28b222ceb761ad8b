from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from pipeline.sources.base import SourceOptions, Stamp
from pipeline.sources.folder_rules import FolderRules
from pipeline.sources.folder_scan import FolderScan, Scanned, listed_names, sum_of


def scanned(folder: Path, stamp: Stamp = "ctime") -> list[Scanned]:
    rules = FolderRules.read(SourceOptions(stamp=stamp), str(folder))
    return [file for files, _ in FolderScan(rules, "").parts() for file in files]


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.mark.parametrize("stamp", ["ctime", "mtime"])
def test_a_file_is_what_stat_says(tmp_path: Path, stamp: Stamp) -> None:
    path = tmp_path / os.fsdecode(b"a\xff\nb.jpg")
    path.write_bytes(b"bytes")
    os.utime(path, ns=(0, -1_500_000_000))
    status = path.stat()
    [file] = scanned(tmp_path, stamp)
    changed = status.st_ctime_ns if stamp == "ctime" else None
    assert file == (path.name, 5, -1_500_000_000, status.st_ino, changed, "")
    assert list(listed_names([file])) == [path.name]


def test_what_is_only_counted_has_a_reason(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe.jpg")
    files = scanned(tmp_path)
    assert {reason for *_, reason in files} == {"(broken link)", "(not a file)"}
    assert list(listed_names(files)) == []


_BYTES = os.fsdecode(b"\xff.jpg")


@pytest.mark.parametrize("odd", [(), (_BYTES, 1, 2, 3, 4, ""), ("late.jpg", 1, 1 << 65, 3, 4, "")])
def test_a_sum_knows_each_value_and_no_order(odd: Scanned) -> None:
    files: list[Scanned] = [(f"{number}.jpg", 1, 2, 3, 4, "") for number in range(50)]
    files[:0] = [odd] if odd else []
    before = sum_of(files)
    assert sum_of(files[:20]) + sum_of(files[20:]) == before
    random.Random(1).shuffle(files)
    assert sum_of(files) == before
    for chosen in range(len(files)):
        name, size, mtime_ns, inode, ctime_ns, reason = files[chosen]
        for other in (
            (f"{name}1", size, mtime_ns, inode, ctime_ns, reason),
            (name, size + 1, mtime_ns, inode, ctime_ns, reason),
            (name, size, mtime_ns + 1, inode, ctime_ns, reason),
            (name, size, mtime_ns, inode + 1, ctime_ns, reason),
            (name, size, mtime_ns, inode, None, reason),
            (name, size, mtime_ns, inode, ctime_ns, "(unreadable)"),
        ):
            assert sum_of([*files[:chosen], other, *files[chosen + 1 :]]) != before


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
        files = scanned(tmp_path)
    assert list(listed_names(files)) == ["b.jpg"]
