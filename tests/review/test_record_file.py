"""The file of the record of edits."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from pipeline.errors import StorageError
from pipeline.review.record_file import RecordFile


def test_reading_makes_no_file_and_a_step_makes_one_for_its_owner_only(tmp_path: Path) -> None:
    file = RecordFile(tmp_path / "reviews.db")
    assert file.rows("SELECT * FROM steps") == []
    assert not file.path.exists()
    with file.transaction() as connection:
        connection.execute("INSERT INTO steps (at, label) VALUES (1, 'x')")
    assert file.rows("SELECT label FROM steps") == [("x",)]
    assert file.path.stat().st_mode & 0o777 == 0o600
    file.close()


def test_an_interrupted_transaction_leaves_nothing(tmp_path: Path) -> None:
    file = RecordFile(tmp_path / "reviews.db")
    with pytest.raises(sqlite3.IntegrityError), file.transaction() as connection:
        connection.executemany("INSERT INTO steps (at, label) VALUES (?, 'x')", [(1,), (None,)])
    assert file.rows("SELECT label FROM steps") == []
    file.close()


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    file = RecordFile(tmp_path / "missing" / "reviews.db")
    with pytest.raises(StorageError, match=r"cannot use .*reviews\.db"), file.transaction():
        pass
