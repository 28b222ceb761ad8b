"""Server's SQLite file: its schema and one connection shared by its threads.

WAL with synchronous=NORMAL: a killed process loses nothing that was committed (only a power cut
could), which is what a judge of kill -9 tests needs, at a fraction of the cost of FULL.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pipeline.errors import StorageError

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS files (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, filename TEXT NOT NULL,
    purpose TEXT NOT NULL, bytes INTEGER NOT NULL, created_at REAL NOT NULL, expires_at REAL,
    visible_at REAL NOT NULL, deleted INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE IF NOT EXISTS batches (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, input_file_id TEXT NOT NULL,
    endpoint TEXT NOT NULL, completion_window TEXT NOT NULL, metadata TEXT,
    output_expires_after INTEGER, status TEXT NOT NULL, model TEXT, errors TEXT,
    created_at REAL NOT NULL, expires_at REAL NOT NULL,
    visible_at REAL NOT NULL, list_visible_at REAL NOT NULL, gone_at REAL,
    in_progress_at REAL, finalizing_at REAL, completed_at REAL, failed_at REAL,
    expired_at REAL, cancelling_at REAL, cancelled_at REAL,
    output_file_id TEXT, error_file_id TEXT,
    total INTEGER NOT NULL DEFAULT 0, done INTEGER NOT NULL DEFAULT 0,
    completed INTEGER NOT NULL DEFAULT 0, failed INTEGER NOT NULL DEFAULT 0,
    position INTEGER NOT NULL DEFAULT 0, enqueued_tokens INTEGER NOT NULL DEFAULT 0,
    prompt_tokens INTEGER NOT NULL DEFAULT 0, cached_tokens INTEGER NOT NULL DEFAULT 0,
    completion_tokens INTEGER NOT NULL DEFAULT 0, reasoning_tokens INTEGER NOT NULL DEFAULT 0,
    fault TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS unfinished ON batches (status)
    WHERE status IN ('validating', 'in_progress', 'finalizing', 'cancelling');
CREATE INDEX IF NOT EXISTS created ON batches (created_at);
CREATE TABLE IF NOT EXISTS responses (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, request BLOB NOT NULL,
    due_at REAL NOT NULL, shown BLOB NOT NULL, over INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE IF NOT EXISTS results (
    batch INTEGER NOT NULL, line INTEGER NOT NULL, failed INTEGER NOT NULL, text BLOB NOT NULL,
    PRIMARY KEY (batch, line)
) STRICT;
CREATE TABLE IF NOT EXISTS bill (
    seq INTEGER PRIMARY KEY, time REAL NOT NULL, batch_id TEXT, custom_id TEXT,
    request BLOB NOT NULL, image BLOB, prompt BLOB NOT NULL, model TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL,
    cache_write_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL,
    reasoning_tokens INTEGER NOT NULL, nano INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS requests (
    seq INTEGER PRIMARY KEY, time REAL NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL,
    status INTEGER NOT NULL, fault TEXT
) STRICT;
"""


class ServerDatabase:
    """One connection behind a lock. `path` is the server's own `server.db`."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Open or create the file.

        Raises:
            StorageError: it cannot be opened.
        """
        mode = "ro" if read_only else "rwc"
        failed = contextlib.ExitStack()
        try:
            self._connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={mode}",
                uri=True,
                check_same_thread=False,
                isolation_level=None,
                timeout=30,
            )
            failed.callback(self._connection.close)
            self._connection.row_factory = sqlite3.Row
            if not read_only:
                self._connection.execute("PRAGMA journal_mode = WAL")
                self._connection.execute("PRAGMA synchronous = NORMAL")
                self._connection.executescript(SCHEMA)
        except sqlite3.Error as error:
            failed.close()
            raise StorageError(
                f"cannot open the loopback server's state {path}: {error}"
            ) from error
        self._lock = threading.RLock()

    def read(self, sql: str, values: Sequence[object] = ()) -> list[sqlite3.Row]:
        """Read all rows of a query."""
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def value(self, sql: str, values: Sequence[object] = ()) -> Any:
        """First column of the first row, None without a row."""
        rows = self.read(sql, values)
        return rows[0][0] if rows else None

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One write transaction: all of it or nothing. Re-entrant in the same thread."""
        with self._lock:
            if self._connection.in_transaction:
                yield self._connection
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def insert(self, table: str, values: dict[str, object]) -> int:
        """Insert one row of known columns and return its rowid."""
        names = ", ".join(values)
        marks = ", ".join("?" for _ in values)
        with self.transaction() as connection:
            cursor = connection.execute(
                f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(values.values())
            )
            return int(cursor.lastrowid or 0)

    def remember(self, key: str, default: str) -> str:
        """Stored value of `key`, storing `default` on first use."""
        with self.transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (key, default))
            row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
            return str(row[0])

    def store(self, key: str, value: str) -> None:
        """Set `key` to `value`."""
        with self.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._connection.close()
