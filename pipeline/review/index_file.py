"""File of the index: made anew when it is damaged or of another version, its ledger attached."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pipeline.errors import BooksError, StorageError
from pipeline.review import index_tables as sql


class IndexFile:
    """Index at `path` over the ledger at `ledger`.

    One connection writes, under a lock; each thread reads with a connection of its own.
    """

    def __init__(self, path: Path, ledger: Path, *, read_only: bool = False) -> None:
        self.path = path
        self._ledger, self._read_only = ledger, read_only
        self._lock = threading.Lock()
        self._readers = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._writer = self._begin()

    def close(self) -> None:
        """Close all connections."""
        for connection in (self._writer, *self._connections):
            connection.close()

    def rows(self, statement: str, values: Sequence[object] = ()) -> list[Any]:
        """Rows of a statement that reads the index."""
        return self._reader().execute(statement, values).fetchall()

    def each(self, statement: str, values: Sequence[object] = ()) -> Iterator[Any]:
        """Rows one by one, for what may be a million of them."""
        yield from self._reader().cursor().execute(statement, values)

    def ledger_row(self, statement: str, values: Sequence[object] = ()) -> Any:
        """First row of a statement that reads the ledger, None for none."""
        with self._lock:
            return self._writer.execute(statement, values).fetchone()

    def attach_again(self) -> None:
        """Open the ledger anew where nothing is written: a run may have begun since."""
        if self._read_only:
            with self._lock:
                self._writer.execute("DETACH ledger")
                self._attach(self._writer)

    def _begin(self) -> sqlite3.Connection:
        with index_errors(self.path):
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._stale():
                for path in self.path.parent.glob(f"{self.path.name}*"):
                    path.unlink()
            writer = _connect(self.path)
            try:
                self._prepare(writer)
            except BaseException:  # of a ledger that is gone
                writer.close()
                raise
        return writer

    def _prepare(self, writer: sqlite3.Connection) -> None:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("PRAGMA synchronous = OFF")  # it is made again when it is damaged
        if not writer.execute("PRAGMA user_version").fetchone()[0]:
            for statement in sql.TABLES:
                writer.execute(statement)
            writer.execute(f"PRAGMA user_version = {sql.VERSION}")
        writer.execute("CREATE TEMP TABLE changed (id INTEGER PRIMARY KEY)")
        writer.execute("CREATE TEMP TABLE part (id INTEGER PRIMARY KEY)")
        self.path.chmod(0o600)
        self._attach(writer)

    def _attach(self, writer: sqlite3.Connection) -> None:
        # without a journal nobody writes just now, and an immutable file needs no files beside it
        wal = self._ledger.with_name(f"{self._ledger.name}-wal")
        quiet = self._read_only and not wal.exists()
        mode = "immutable=1" if quiet else "mode=ro"
        writer.execute("ATTACH ? AS ledger", (f"{self._ledger.absolute().as_uri()}?{mode}",))

    def _stale(self) -> bool:
        if not self.path.exists():
            return False
        try:
            with contextlib.closing(_connect(self.path)) as old:
                version = old.execute("PRAGMA user_version").fetchone()[0]
                return bool(version != sql.VERSION or _damaged(old))
        except sqlite3.DatabaseError:
            return True

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Write in one short transaction; the ledger is attached, to be read."""
        with self._lock:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise

    def _reader(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._readers, "connection", None)
        if connection is None:
            connection = _connect(self.path)
            self._readers.connection = connection
            self._connections.append(connection)
        return connection


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path.absolute().as_uri(), uri=True, isolation_level=None, timeout=30,
        check_same_thread=False,
    )  # fmt: skip
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA cache_size = -65536")
        connection.execute("PRAGMA temp_store = MEMORY")
    except BaseException:  # of a file that is no database
        connection.close()
        raise
    return connection


def _damaged(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok")


def remembered_fact(connection: sqlite3.Connection, key: str) -> str | None:
    """Fact that the index remembers, or None."""
    row = connection.execute("SELECT value FROM facts WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def remember(connection: sqlite3.Connection, key: str, value: str) -> None:
    """Remember a fact in the index."""
    connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (key, value))


@contextlib.contextmanager
def index_errors(path: Path) -> Iterator[None]:
    """Say errors of SQLite with the file and what to do."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise StorageError(f"cannot use the index {path}: {error}") from error
    except sqlite3.DatabaseError as error:
        raise BooksError(f"{path} is damaged ({error}): remove it, it is made again") from error
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror or error}") from error
