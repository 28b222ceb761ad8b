from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

import pytest

from pipeline.ledger.read_only_database import open_read_only, private_copy
from tests.read_only import read_only


def write(path: Path, *, unfinished: bool) -> None:
    """Two rows in WAL mode; the second one is only in the -wal file when `unfinished`."""
    child = os.fork()
    if child == 0:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE t (a)")
        connection.execute("INSERT INTO t VALUES (1)")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("INSERT INTO t VALUES (2)")
        if not unfinished:
            connection.close()
        os._exit(0)
    os.waitpid(child, 0)
    assert Path(f"{path}-wal").exists() == unfinished


def rows(path: Path) -> list[int]:
    with contextlib.closing(open_read_only(path)) as connection:
        with pytest.raises(sqlite3.OperationalError, match=r"readonly|read-only"):
            connection.execute("INSERT INTO t VALUES (3)")
        return [row[0] for row in connection.execute("SELECT a FROM t ORDER BY a")]


@pytest.mark.parametrize("unfinished", [False, True])
def test_a_file_is_read_where_it_can_be_written(tmp_path: Path, unfinished: bool) -> None:
    write(tmp_path / "l.db", unfinished=unfinished)
    assert rows(tmp_path / "l.db") == [1, 2]


@pytest.mark.parametrize("unfinished", [False, True])
def test_a_file_is_read_where_nothing_can_be_written(tmp_path: Path, unfinished: bool) -> None:
    path = tmp_path / "ws" / "l\udce9.db"
    path.parent.mkdir()
    write(path, unfinished=unfinished)
    with read_only(path.parent):
        assert rows(path) == [1, 2]


def test_a_snapshot_without_its_shared_memory_loses_no_row(tmp_path: Path) -> None:
    path = tmp_path / "ws" / "l.db"
    path.parent.mkdir()
    write(path, unfinished=True)
    Path(f"{path}-shm").unlink()
    with (
        read_only(path.parent),
        contextlib.closing(open_read_only(path)) as connection,
    ):
        assert connection.execute("SELECT COUNT(*) FROM t").fetchone() == (2,)
    assert Path(f"{path}-wal").stat().st_size > 0  # the original was not touched


def test_what_is_not_there_or_no_database_is_no_copy(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        open_read_only(tmp_path / "none.db")
    (tmp_path / "text.db").write_bytes(b"no database " * 100)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        open_read_only(tmp_path / "text.db")


def test_a_private_copy_can_be_written_and_leaves_the_original(tmp_path: Path) -> None:
    write(tmp_path / "l.db", unfinished=False)
    with (
        contextlib.closing(open_read_only(tmp_path / "l.db")) as original,
        contextlib.closing(private_copy(original)) as copy,
    ):
        copy.execute("DELETE FROM t")
        assert copy.execute("SELECT COUNT(*) FROM t").fetchone() == (0,)
        assert original.execute("SELECT COUNT(*) FROM t").fetchone() == (2,)
