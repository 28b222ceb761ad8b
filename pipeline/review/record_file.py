"""File of the record of edits: an SQLite file that refuses every change but an addition."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pipeline.errors import BooksError, StorageError
from pipeline.ledger.read_only_database import open_read_only
from pipeline.system.files import storage_error

_VERSION = 2
_CHECKSUMS = 2  # the version from which on entries have checksums
_TABLES = (
    """CREATE TABLE steps (
        id INTEGER PRIMARY KEY, at INTEGER NOT NULL, reviewer TEXT, note TEXT,
        label TEXT NOT NULL, undoes INTEGER REFERENCES steps (id)
    ) STRICT""",
    """CREATE TABLE judgements (
        id INTEGER PRIMARY KEY, step INTEGER NOT NULL REFERENCES steps (id),
        source_id BLOB NOT NULL, selector TEXT NOT NULL,
        action TEXT NOT NULL CHECK (action IN ('accept', 'edit', 'reject', 'again', 'clear')),
        model_caption TEXT, before TEXT, before_is_model INTEGER NOT NULL DEFAULT 0,
        caption TEXT, fields TEXT, work_key BLOB, attempts INTEGER NOT NULL DEFAULT 0
    ) STRICT""",
    "CREATE INDEX judgements_of_source ON judgements (source_id, id)",
    "CREATE INDEX judgements_of_step ON judgements (step)",
    "CREATE INDEX steps_undoing ON steps (undoes) WHERE undoes IS NOT NULL",
    *(
        f"CREATE TRIGGER {table}_{verb.lower()} BEFORE {verb} ON {table} "
        "BEGIN SELECT RAISE(ABORT, 'the record of edits is append-only'); END"
        for table in ("steps", "judgements")
        for verb in ("UPDATE", "DELETE")
    ),
)
_SINCE = {
    _CHECKSUMS: (
        "ALTER TABLE steps ADD COLUMN checksum BLOB",
        "ALTER TABLE judgements ADD COLUMN checksum BLOB",
        # damaged entries that a person took as they are
        "CREATE TABLE accepted (of_table TEXT NOT NULL, entry INTEGER NOT NULL, "
        "checksum BLOB NOT NULL) STRICT",
    ),
}
"""Changes to the first version's tables, by the version that came with them."""


class RecordFile:
    """Connection to the file at `path`, opened when it is needed; reading makes no file."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self._read_only = read_only
        self._connection: sqlite3.Connection | None = None

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def copy_to(self, path: Path) -> None:
        """Copy the file as it is between two transactions.

        Raises:
            StorageError: the copy cannot be written.
        """
        with self._translated(), contextlib.closing(sqlite3.connect(path)) as copy:
            self._open().backup(copy)

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        """Rows of a statement, [] while there is no file."""
        if self._connection is None and not self.path.exists():
            return []
        with self._translated():
            return self._open().execute(sql, values).fetchall()

    def has_checksums(self) -> bool:
        """Tell whether entries may have checksums: the file was written by this version."""
        if self._connection is None and not self.path.exists():
            return False
        with self._translated():
            return _version(self._open()) >= _CHECKSUMS

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Write in one transaction, durable when the block ends; all of it or nothing.

        Raises:
            StorageError: it cannot be written; the file is as it was.
        """
        if self._read_only:
            raise StorageError(f"{self.path} is open for reading only")
        with self._translated():
            connection = self._open()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def _connect(self) -> sqlite3.Connection:
        connection = self._reading() if self._read_only else self._writing()
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            if not self._read_only:
                # a rollback journal, not WAL: one file that can be copied, and a reader needs to
                # write nothing beside it
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("PRAGMA fullfsync = 1")  # of macOS alone
                self._prepare(connection)
            if _version(connection) > _VERSION:
                raise BooksError(
                    f"{self.path} was written by a newer captionmill: upgrade captionmill"
                )
        except BaseException:
            connection.close()
            raise
        return connection

    def _reading(self) -> sqlite3.Connection:
        try:
            return open_read_only(self.path, check_same_thread=False)
        except OSError as error:
            raise storage_error(self.path, error, "read") from error

    def _writing(self) -> sqlite3.Connection:
        uri = self.path.absolute().as_uri()
        return sqlite3.connect(
            uri, uri=True, isolation_level=None, timeout=30, check_same_thread=False
        )

    def _prepare(self, connection: sqlite3.Connection) -> None:
        if _version(connection) >= _VERSION:
            return
        connection.execute("BEGIN IMMEDIATE")
        version = _version(connection)  # another window may have made it meanwhile
        if not version:
            for statement in _TABLES:
                connection.execute(statement)
        for since, statements in _SINCE.items():
            for statement in statements if version < since else ():
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {max(version, _VERSION)}")
        connection.execute("COMMIT")
        self.path.chmod(0o600)

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
            raise
        except sqlite3.DatabaseError as error:
            text = str(error)
            if any(word in text for word in ("not a database", "malformed", "no such")):
                raise BooksError(
                    f"{self.path} is damaged ({text}): restore it from a copy, it is the only "
                    "place of what people decided"
                ) from error
            raise StorageError(f"cannot use {self.path}: {text}; nothing is lost") from error


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
