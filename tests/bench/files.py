"""Folders full of files, and the least that can be done to see them."""

from __future__ import annotations

import os
from pathlib import Path

_FOLDER = 1000  # files in a folder


def make(root: Path, count: int, content: bytes = b"") -> None:
    """`count` files of this content in folders of 1,000."""
    for number in range(count):
        folder = root / f"{number // _FOLDER:05}"
        if number % _FOLDER == 0:
            folder.mkdir(parents=True)
        (folder / f"{number:08}.jpg").write_bytes(content)


def look_at(root: Path) -> None:
    """os.scandir and stat of every file: the floor of a crawl."""
    stack = [str(root)]
    while stack:
        with os.scandir(stack.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    stack.append(entry.path)
                else:
                    entry.stat(follow_symlinks=False)
