"""What a folder's names are: files, or reasons. `test_folder.py` has the folders themselves."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.skipped_files import EXCLUDED_FOLDER
from pipeline.sources.base import SourceOptions
from pipeline.sources.folder_rules import FolderRules


def rules(root: Path, **options: Any) -> FolderRules:
    return FolderRules.read(SourceOptions(**options), str(root.resolve()))


def reasons(root: Path, **options: Any) -> dict[str, str]:
    """Reason of each entry of `root` that is no folder, "" for a file to read."""
    of = rules(root, **options)
    listed = {}
    for path in root.iterdir():
        mode = path.lstat().st_mode
        regular = stat.S_ISREG(mode)
        listed[path.name] = "" if regular else of.unusual(str(root), path.name, mode)[1]
    return listed


def test_folders_of_machines_and_of_the_users_rules_are_left_out(tmp_path: Path) -> None:
    of = rules(tmp_path, exclude=("raw/", "trip/old/"))
    folders = {(below, name): of.folder_reason(str(tmp_path), below, name) for below, name in [
        ("", "photos"), ("", "@eaDir"), ("", "raw"), ("trip", "raw"), ("trip", "old"), ("", "old"),
    ]}  # fmt: skip
    assert folders == {
        ("", "photos"): "",
        ("", "@eaDir"): "(system folder)",
        ("", "raw"): EXCLUDED_FOLDER,
        ("trip", "raw"): EXCLUDED_FOLDER,
        ("trip", "old"): EXCLUDED_FOLDER,
        ("", "old"): "",
    }


@pytest.mark.parametrize(
    ("follow", "inside", "outside"),
    [
        ("inside", "", "(link out of the folder)"),
        ("never", "(link not followed)", "(link not followed)"),
        ("anywhere", "", ""),
    ],
)
def test_links_are_followed_as_far_as_the_options_allow(
    follow: str, inside: str, outside: str, tmp_path: Path
) -> None:
    root = tmp_path / "photos"
    root.joinpath("deep").mkdir(parents=True)
    for file in (root / "a.jpg", tmp_path / "out.jpg"):
        file.write_bytes(b"x")
    root.joinpath("in.jpg").symlink_to("a.jpg")
    root.joinpath("away.jpg").symlink_to(tmp_path / "out.jpg")
    root.joinpath("none.jpg").symlink_to("gone")
    root.joinpath("folder.jpg").symlink_to("deep")
    os.mkfifo(root / "pipe")
    root.joinpath("deep").rmdir()
    root.joinpath("deep").symlink_to(tmp_path, target_is_directory=True)
    assert reasons(root, follow_links=follow) == {
        "a.jpg": "",
        "in.jpg": inside,
        "away.jpg": outside,
        "none.jpg": "(broken link)",
        "folder.jpg": "(link to a folder)",
        "deep": "(link to a folder)",
        "pipe": "(not a file)",
    }
