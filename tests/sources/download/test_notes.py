from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import StorageError
from pipeline.records import Rejection
from pipeline.sources.download.notes import (
    FileStat,
    doubt_path,
    fetched_in,
    mark_doubt,
    notes_path,
    read_notes,
    rejection_in,
    stat_in,
    write_notes,
)


def test_notes_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = notes_path(tmp_path / "ab")
    assert path.name == "ab.json"
    assert read_notes(path) == {}
    write_notes(path, {"asked": 5, "rejected": {"code": "timeout", "detail": "it"}})
    assert rejection_in(read_notes(path)) == Rejection("timeout", "it")
    path.write_bytes(b"[1]")
    assert read_notes(path) == {}


def test_notes_stand_for_a_deleted_image_only_where_they_match(tmp_path: Path) -> None:
    notes = {"fetched": {"size": 3, "etag": "e"}, "mtime_ns": 7}
    assert stat_in(notes) == FileStat(3, 7)
    fetched = fetched_in(tmp_path / "x", notes)
    assert fetched is not None
    assert (fetched.etag, fetched.how) == ("e", "kept")
    (tmp_path / "x").write_bytes(b"four")
    assert fetched_in(tmp_path / "x", notes) is None
    assert stat_in({}) is None


def test_a_doubt_is_a_file_beside_the_image(tmp_path: Path) -> None:
    image = tmp_path / "ab"
    mark_doubt(image, doubted=True)
    mark_doubt(image, doubted=True)
    assert doubt_path(image).exists()
    mark_doubt(image, doubted=False)
    mark_doubt(image, doubted=False)
    assert not doubt_path(image).exists()
    with pytest.raises(StorageError):
        mark_doubt(tmp_path / "no" / "ab", doubted=True)
