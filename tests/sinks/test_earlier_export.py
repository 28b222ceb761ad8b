"""Files that an exported table would replace."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import UsageError
from pipeline.sinks.earlier_export import refuse_other_rows, refuse_others
from pipeline.sinks.parquet import ParquetSink

from .conftest import make_cells, make_row

KEPT = Path(__file__).parents[1] / "kept"


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    path = tmp_path / "captions.parquet"
    ParquetSink(path).write([[make_row()]], make_cells(), {"captionmill.workspace": "w"})
    return path


def test_what_is_not_there_or_empty_may_be_written(tmp_path: Path) -> None:
    refuse_others(tmp_path / "new.parquet")
    (tmp_path / "empty").touch()
    refuse_others(tmp_path / "empty")


@pytest.mark.parametrize("path", sorted(KEPT.glob("*/*/ws/captions.parquet")), ids=str)
def test_a_table_of_an_earlier_version_is_ours(path: Path) -> None:
    refuse_others(path)


def test_a_damaged_table_is_ours(ours: Path) -> None:
    sound, chance = ours.read_bytes(), random.Random(7)
    for position in range(0, len(sound), 61):
        damaged = bytearray(sound)
        damaged[position] ^= 1 << chance.randrange(8)
        ours.write_bytes(damaged)
        refuse_others(ours)
    for size in range(4, len(sound), 997):
        ours.write_bytes(sound[:size])
        refuse_others(ours)
    ours.write_bytes(sound + bytes(2_000_000))
    refuse_others(ours)


def _table(path: Path) -> None:
    pq.write_table(pa.table({"path": ["a.jpg"], "caption": ["a cat"]}), path)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (_table, "is there and no table of captionmill: name another file"),
        (lambda path: path.write_text("my notes"), "is there and no table of captionmill"),
        (lambda path: path.write_bytes(b"PAR"), "is there and no table of captionmill"),
        (lambda path: path.mkdir(), r"cannot be replaced \(it is no regular file\)"),
        (os.mkfifo, r"cannot be replaced \(it is no regular file\)"),
        (lambda path: path.symlink_to("/dev/null"), r"cannot be replaced \(it is no regular file"),
        (lambda path: path.symlink_to(path), r"cannot be replaced \(Too many levels"),
    ],
)
def test_what_is_somebody_elses_is_not_written_over(
    tmp_path: Path, make: Callable[[Path], object], why: str
) -> None:
    path = tmp_path / "x.parquet"
    make(path)
    with pytest.raises(UsageError, match=why):
        refuse_others(path)


def test_what_cannot_be_read_is_not_written_over(
    ours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_args: object, **_options: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refused)
    with pytest.raises(UsageError, match=r"cannot be replaced \(Permission denied\)"):
        refuse_others(ours)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\ufeffpath,caption,model\r\na.jpg,a cat,m\r\n",
        "path;caption;model\n",
        "\ufeffpath,caption\r\n",
        "\ufeffpath,caption,model,tags,'=n\r\n",
        '{"path":"a.jpg","caption":"a cat","model":null}\n{"path":"b.jpg"',
    ],
)
def test_an_export_whose_columns_are_mostly_the_same_is_ours(tmp_path: Path, text: str) -> None:
    path = tmp_path / "out"
    refuse_other_rows(path, ["path", "caption", "model"])
    path.write_bytes(text.encode())
    refuse_other_rows(path, ["path", "caption", "model"])


@pytest.mark.parametrize(
    "text",
    [
        "my notes",
        "path\nof a walk, caption, model\n",
        "path,title,size\n",
        '["path","caption","model"]\n',
        '{"path":"a.jpg"}\n',
        "caption," * 50_000,
        "x" * 2_000_000,
        "\0",
    ],
)
def test_rows_and_texts_of_somebody_else_are_not_written_over(tmp_path: Path, text: str) -> None:
    path = tmp_path / "out"
    path.write_text(text)
    with pytest.raises(UsageError, match="no such export of captionmill: remove it, or name"):
        refuse_other_rows(path, ["path", "caption", "model"])


def test_a_pipe_is_no_export_of_rows(tmp_path: Path) -> None:
    path = tmp_path / "out"
    os.mkfifo(path)
    with pytest.raises(UsageError, match=r"cannot be replaced \(it is no regular file\)"):
        refuse_other_rows(path, ["path"])
