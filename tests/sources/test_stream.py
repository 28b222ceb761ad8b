from __future__ import annotations

import io
import os
import threading
from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.sources.stream import copy_stream, is_stream


def test_a_pipe_is_a_stream_and_a_file_is_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    answers = {str(tmp_path / "pipe"): True, "-": True, str(tmp_path / "file"): False, "a\0": False}
    assert {text: is_stream(text) for text in answers} == answers


def test_a_pipe_is_copied_and_old_copies_go(tmp_path: Path) -> None:
    pipe, copies = tmp_path / "pipe", tmp_path / "ws" / "streams"
    os.mkfifo(pipe)
    for text in (b"one", b"two", b"three"):
        writer = threading.Thread(target=pipe.write_bytes, args=(text,))
        writer.start()
        assert copy_stream(str(pipe), copies, "my/list").read_bytes() == text
        writer.join()
    assert len(list(copies.iterdir())) == 2


def test_an_empty_stream_is_no_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    with pytest.raises(UsageError, match="nothing came from standard input"):
        copy_stream("-", tmp_path, "stdin")
    assert list(tmp_path.iterdir()) == []
