from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from pipeline.system.regular_file import NotRegular, open_regular


def test_files_and_links_to_them_are_opened(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"words")
    (tmp_path / "l").symlink_to("a")
    for name in ("a", "l"):
        with open_regular(tmp_path / name) as stream:
            assert stream.read() == b"words"
    with pytest.raises(NotRegular):
        open_regular(tmp_path / "l", links=False)


@pytest.mark.parametrize("links", [True, False])
def test_nothing_else_is_opened(
    tmp_path: Path, links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))

    def refuse(*_: object) -> int:
        raise AssertionError

    monkeypatch.setattr(os, "open", refuse)
    for path in (tmp_path / "pipe", tmp_path / "folder", tmp_path / "socket", Path("/dev/zero")):
        with pytest.raises(NotRegular):
            open_regular(path, links=links)
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "none", links=links)
