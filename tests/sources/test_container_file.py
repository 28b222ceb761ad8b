from __future__ import annotations

import os
from pathlib import Path

from pipeline.sources.base import SourceOptions
from pipeline.sources.container_file import ContainerFile


class Box(ContainerFile):
    kind = "box"


def test_a_file_is_known_by_where_it_really_lies(tmp_path: Path) -> None:
    (tmp_path / "holidays.box").write_bytes(b"x")
    (tmp_path / "link").symlink_to("holidays.box")
    box = Box(tmp_path / "link", SourceOptions())
    assert (box.locator, box.label) == (str(tmp_path.resolve() / "holidays.box"), "holidays.box")
    assert box.path_of("", "a/b.jpg").endswith("a/b.jpg")
    assert box.status().st_size == 1


def test_the_digest_follows_the_file_the_rules_and_the_facts(tmp_path: Path) -> None:
    path = tmp_path / "holidays.box"
    path.write_bytes(b"x")
    box = Box(path, SourceOptions())
    first = box.digest(box.status(), "columns")
    assert Box(path, SourceOptions()).digest(box.status(), "columns") == first
    other = Box(path, SourceOptions(exclude=("raw/",)))
    os.utime(path, ns=(1, 1))
    others = [box.digest(box.status(), "columns"), other.digest(other.status(), "columns")]
    assert len({first, box.digest(box.status()), *others}) == 4
