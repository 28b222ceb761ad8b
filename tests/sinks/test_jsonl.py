from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.errors import StorageError
from pipeline.sinks.jsonl import write_jsonl
from tests.sinks.rows import VALUES


def test_one_object_a_line(tmp_path: Path) -> None:
    path = tmp_path / "captions.jsonl"
    assert write_jsonl(path, [VALUES, {"text": "b"}]) == 2
    lines = path.read_text(encoding="utf-8").split("\n")
    assert [json.loads(line)["text"] for line in lines[:2]] == [VALUES["text"], "b"]
    assert lines[2:] == [""]


def test_the_old_file_stays_when_it_fails(tmp_path: Path) -> None:
    path = tmp_path / "captions.jsonl"
    path.write_text("old")

    def rows() -> object:
        yield VALUES
        raise StorageError("no")

    with pytest.raises(StorageError):
        write_jsonl(path, rows())  # type: ignore[arg-type]
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
