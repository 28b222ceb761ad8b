"""A manifest through a pipe: copied first, known by its name, paths from the working directory."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from pipeline.errors import UsageError
from tests.rig import Rig


def pipe_in(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


def test_a_list_from_standard_input_is_a_source_with_a_name(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.add("a.png", "sub/b.png")
    monkeypatch.chdir(rig.data)
    pipe_in(monkeypatch, "a.png\n./sub/b.png\n")
    report = rig.run(data="-")
    assert (report.requests, report.exit_code) == (2, 0)
    assert [(row["source"], row["path"]) for row in rig.table()] == [
        ("stdin", "a.png"),
        ("stdin", "sub/b.png"),
    ]
    assert any(f"paths count from {rig.data}" in text for text in rig.said)
    pipe_in(monkeypatch, '{"path": "a.png"}\n{"path": "sub/b.png"}\n')
    assert rig.run(data="-").requests == 0
    assert len(rig.table()) == 2
    pipe_in(monkeypatch, "path,title\na.png,x\n")
    rig.run(manifest="-", input__source_name="other")
    assert len(rig.table()) == 3
    rig.check()


def test_only_one_stream_is_read(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe_in(monkeypatch, "a.png\n")
    with pytest.raises(UsageError, match="one manifest can come through a pipe"):
        rig.run(data=["-", Path("-")])
