import contextlib
import os
import sqlite3
from pathlib import Path

import pytest

from pipeline.errors import BooksError, StorageError
from pipeline.ledger.database import Database
from pipeline.ledger.integrity import integrity
from pipeline.ledger.schema import MIGRATIONS
from pipeline.system import failpoints


def test_the_file_is_durable_and_migrated(tmp_path: Path) -> None:
    database = Database(tmp_path / "ledger.db")
    assert database.one("PRAGMA journal_mode") == ("wal",)
    assert database.number("PRAGMA synchronous") == 2  # FULL
    assert database.number("PRAGMA user_version") == len(MIGRATIONS)
    assert integrity(database) == []
    database.close()


def test_a_new_file_has_all_its_tables_by_one_transaction(tmp_path: Path) -> None:
    names: list[str] = []
    failpoints.arm(names.append)
    try:
        Database(tmp_path / "ledger.db").close()
    finally:
        failpoints.arm(None)
    assert names.count("ledger.after_commit.migrate") == 1


def test_checksums_of_another_kind_are_forgotten(tmp_path: Path) -> None:
    old = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    for statement in (*MIGRATIONS[0], *MIGRATIONS[1], "PRAGMA user_version = 2"):
        old.execute(statement)
    old.execute(
        "INSERT INTO shards (shard_key, model, state, requests, bytes, sha256, prompt_tokens, "
        "created_at) VALUES ('000001-aa', 'm', 'SEALED', 1, 10, zeroblob(32), 5, 0)"
    )
    old.close()
    database = Database(tmp_path / "ledger.db")
    assert database.one("SELECT shard_key, checksum FROM shards") == ("000001-aa", None)
    database.close()


def _insert_and_fail(database: Database) -> None:
    database.execute("INSERT INTO meta VALUES ('a', '1')")
    raise RuntimeError


def _commit_inside_and_fail(database: Database) -> None:
    with database.transaction("inner"):
        database.execute("INSERT INTO meta VALUES ('b', '1')")
    raise RuntimeError


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    database = Database(tmp_path / "ledger.db")
    with pytest.raises(RuntimeError), database.transaction("t"):
        _insert_and_fail(database)
    assert database.one("SELECT * FROM meta") is None
    database.close()


def test_an_inner_transaction_is_part_of_the_outer_one(tmp_path: Path) -> None:
    database = Database(tmp_path / "ledger.db")
    with pytest.raises(RuntimeError), database.transaction("outer"):
        _commit_inside_and_fail(database)
    assert database.one("SELECT * FROM meta") is None
    database.close()


def test_a_kill_before_the_commit_leaves_nothing_and_after_it_everything(tmp_path: Path) -> None:
    for number, (name, kept) in enumerate(
        [("ledger.before_commit.t", False), ("ledger.after_commit.t", True)]
    ):
        path = tmp_path / f"{number}.db"
        Database(path).close()
        child = os.fork()
        if child == 0:
            failpoints.arm(failpoints.kill_at(name))
            database = Database(path)
            with database.transaction("t"):
                database.execute("INSERT INTO meta VALUES ('a', '1')")
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 9
        database = Database(path)
        assert (database.one("SELECT value FROM meta") == ("1",)) == kept
        database.close()


def test_a_newer_ledger_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    Database(path).close()
    raw = sqlite3.connect(path)
    raw.execute("PRAGMA user_version = 999")
    raw.commit()
    raw.close()
    with pytest.raises(BooksError, match="newer captionmill"):
        Database(path)


def test_a_file_that_is_no_ledger_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(BooksError, match="captionmill rebuild"):
        Database(path)


@pytest.mark.parametrize("first", [2, 8, 20, 30])
def test_damage_that_shows_later_is_said_so(first: int, tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    Database(path).close()
    pages = bytearray(path.read_bytes())
    for start in range(4096 * first, len(pages), 4096):
        pages[start : start + 64] = b"\xff" * 64
    path.write_bytes(pages)
    with pytest.raises(BooksError, match="captionmill rebuild"):
        use_all_tables(path)


def use_all_tables(path: Path) -> None:
    with contextlib.closing(Database(path)) as database, database.transaction("x"):
        tables = database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        for (name,) in tables:
            database.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall()


def test_a_broken_constraint_stays_what_it_is(tmp_path: Path) -> None:
    database = Database(tmp_path / "ledger.db")
    database.execute("INSERT INTO meta VALUES ('a', '1')")
    with pytest.raises(sqlite3.IntegrityError):
        database.execute("INSERT INTO meta VALUES ('a', '2')")
    with pytest.raises(sqlite3.IntegrityError), database.transaction("x"):
        database.execute("INSERT INTO meta VALUES ('a', '2')")
    assert database.one("SELECT value FROM meta") == ("1",)
    database.close()


def test_a_folder_that_is_gone_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"ledger\.db"):
        Database(tmp_path / "gone" / "ledger.db")


def test_a_backup_is_a_whole_copy(tmp_path: Path) -> None:
    database = Database(tmp_path / "ledger.db")
    database.execute("INSERT INTO meta VALUES ('a', '1')")
    database.backup(tmp_path / "copy.db")
    database.close()
    copy = Database(tmp_path / "copy.db")
    assert copy.one("SELECT value FROM meta WHERE key = 'a'") == ("1",)
    copy.close()


def test_a_snapshot_stays_while_another_connection_writes(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    writer = Database(path)
    reader = Database(path, read_only=True)
    count = "SELECT COUNT(*) FROM meta"
    with reader.snapshot():
        before = reader.number(count)
        writer.execute("INSERT INTO meta (key, value) VALUES ('new', '1')")
        assert reader.number(count) == before
    assert reader.number(count) == before + 1
    reader.close()
    writer.close()


def test_a_ledger_that_was_killed_while_it_was_made_is_read_as_an_empty_one(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    for make in (path.touch, lambda: _only_wal(path)):
        path.unlink(missing_ok=True)
        make()
        database = Database(path, read_only=True)
        assert database.one("SELECT * FROM meta") is None
        database.close()
    Database(path).close()
    database = Database(path, read_only=True)
    assert database.number("PRAGMA user_version") == len(MIGRATIONS)
    database.close()


def _only_wal(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA journal_mode = WAL")


def test_a_newer_ledger_is_not_read_either(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    Database(path).close()
    with contextlib.closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA user_version = 999")
    with pytest.raises(BooksError, match="newer captionmill"):
        Database(path, read_only=True)


def test_a_private_copy_is_written_and_the_file_is_not(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    Database(path).close()
    before = path.read_bytes()
    copy = Database(path, private=True)
    copy.execute("INSERT INTO meta VALUES ('a', '1')")
    assert copy.one("SELECT value FROM meta") == ("1",)
    copy.close()
    assert path.read_bytes() == before


def _insert_an_orphan(database: Database) -> None:
    with database.transaction("orphan"):
        database.execute("INSERT INTO items (shard, work, attempt) VALUES (7, 7, 1)")


def test_references_are_looked_up_but_where_they_are_trusted(tmp_path: Path) -> None:
    with contextlib.closing(Database(tmp_path / "ledger.db")) as database:
        with pytest.raises(sqlite3.IntegrityError):
            _insert_an_orphan(database)
        with database.trusted_references():
            _insert_an_orphan(database)
        assert [problem for problem in integrity(database) if "items" in problem]
        with pytest.raises(ZeroDivisionError), database.trusted_references():
            raise ZeroDivisionError
        with pytest.raises(sqlite3.IntegrityError):
            _insert_an_orphan(database)


def test_checks_are_left_out_only_where_rows_are_known_to_pass(tmp_path: Path) -> None:
    wrong = "UPDATE table_marks SET id = 2"
    with contextlib.closing(Database(tmp_path / "ledger.db")) as database:
        with pytest.raises(sqlite3.IntegrityError):
            database.execute(wrong)
        with database.transaction("test"), database.known_to_pass_checks():
            database.execute(wrong)
        with pytest.raises(ZeroDivisionError), database.known_to_pass_checks():
            _ = 1 / 0
        with pytest.raises(sqlite3.IntegrityError):
            database.execute("UPDATE table_marks SET id = 3")
