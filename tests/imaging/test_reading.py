"""Reading a file that anybody may have put there."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from pipeline.imaging.decoder import Refusal
from pipeline.imaging.reading import read_image_file


def code(path: Path | str, most: int = 1000) -> str:
    with pytest.raises(Refusal) as refusal:
        read_image_file(str(path), most)
    return refusal.value.code


def test_a_whole_file(tmp_path: Path) -> None:
    for size in (1, 999, 1000):
        (tmp_path / "file").write_bytes(b"x" * size)
        assert read_image_file(str(tmp_path / "file"), 1000) == b"x" * size


def test_what_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert code(tmp_path / "none") == "vanished"
    assert code(tmp_path / "file" / "below") == "vanished"
    (tmp_path / "loop").symlink_to("loop")
    assert code(tmp_path / "loop") == "unreadable"
    assert code("nul\0byte") == "unreadable"
    assert code(tmp_path / ("x" * 300)) == "unreadable"


def test_what_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket is short
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "socket", Path("/dev/zero")):
        assert code(path) == "unreadable"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "file").chmod(0)
    assert code(tmp_path / "file") == "unreadable"


def test_sizes(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert code(tmp_path / "empty") == "empty_file"
    (tmp_path / "large").write_bytes(bytes(1001))
    assert code(tmp_path / "large") == "too_large_file"


def test_a_file_that_grows_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 600)
    original, grown = os.read, []

    def grow(descriptor: int, size: int) -> bytes:
        if len(grown) < 3:
            grown.append(path.write_bytes(path.read_bytes() + b"y" * 150))
        return original(descriptor, size)

    monkeypatch.setattr(os, "read", grow)
    assert read_image_file(str(path), 2000) == b"x" * 600 + b"y" * 450


def test_reads_may_be_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(100)))
    original = os.read
    monkeypatch.setattr(os, "read", lambda descriptor, size: original(descriptor, min(size, 7)))
    assert read_image_file(str(path), 1000) == bytes(range(100))


def test_files_whose_size_is_a_lie() -> None:
    """Files of /proc say that they are empty, and are not."""
    assert read_image_file("/proc/self/stat", 100_000).startswith(str(os.getpid()).encode())
    assert code("/proc/kallsyms", 10) == "too_large_file"


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(50):
        read_image_file(str(tmp_path / "file"), 10)
        code(tmp_path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
