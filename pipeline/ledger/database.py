"""One SQLite connection: durable, strict, migrated."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from pipeline.errors import BooksError, StorageError
from pipeline.ledger.page_cache import LARGE_CACHE
from pipeline.ledger.read_only_database import open_read_only, private_copy
from pipeline.ledger.schema import MIGRATIONS
from pipeline.system.failpoints import reached
from pipeline.system.files import storage_error

SourceRows = int | tuple[int, ...]
"""Row of `sources`, or those of several."""
AMONG = "IN (SELECT value FROM json_each(?))"
"""SQL that compares a source with several; see `among`."""

_NO_ROW = object()
_DAMAGE = ("not a database", "malformed", "corrupt", "decode", "no such")
# broken constraints and wrong statements are ours; every other error is the file's
_BUGS = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.DataError)


class _Cursor(sqlite3.Cursor):
    """Cursor whose damaged rows raise what a damaged statement raises."""

    path: Path

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        # the inner iterator stays SQLite's own: a million rows are read through here
        with _translated(self.path):
            yield from iter(super().__next__, _NO_ROW)

    def fetchone(self) -> Any:
        with _translated(self.path):
            return super().fetchone()

    def fetchmany(self, size: int | None = None) -> list[Any]:
        with _translated(self.path):
            return super().fetchmany(self.arraysize if size is None else size)

    def fetchall(self) -> list[Any]:
        with _translated(self.path):
            return super().fetchall()


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except _BUGS:
        raise
    except sqlite3.DatabaseError as error:
        raise database_error(path, error) from error


class Database:
    """Ledger file in WAL mode with synchronous=FULL.

    FULL, because with NORMAL a commit may still be in the page cache when the POST that it
    guards leaves the machine.

    Args:
        read_only: the file is only read, also where nothing can be written beside it.
        private: a copy of the file is read and written; it is gone with the connection.
        any_thread: threads other than this one read it too, one at a time.

    Raises:
        StorageError: the file cannot be opened or written.
        BooksError: the file is no ledger, or of a newer version.
    """

    def __init__(
        self,
        path: Path,
        *,
        read_only: bool = False,
        private: bool = False,
        any_thread: bool = False,
    ) -> None:
        self.path = path
        self._own_thread = not any_thread
        self._cursor: type[_Cursor] = type("_Cursor", (_Cursor,), {"path": path})
        with _translated(path), contextlib.ExitStack() as failed:
            read_only = read_only or private
            self._connection = _reading(path, self._own_thread) if read_only else _writing(path)
            failed.callback(lambda: self._connection.close())
            if private or (read_only and self._is_of_earlier_version()):
                self._read_copy()
            self._connection.execute("PRAGMA foreign_keys = ON")
            self._connection.execute(LARGE_CACHE)
            if not read_only:
                self._connection.execute("PRAGMA journal_mode = WAL")
                self._connection.execute("PRAGMA synchronous = FULL")
                self._connection.execute("PRAGMA fullfsync = 1")  # of macOS alone
                # pages: one that many commits touch is copied into the file once for all of them
                self._connection.execute("PRAGMA wal_autocheckpoint = 16384")
                self._migrate()
            failed.pop_all()

    def close(self) -> None:
        """Close the connection; uncommitted work is rolled back."""
        self._connection.close()

    @contextlib.contextmanager
    def transaction(self, name: str) -> Iterator[None]:
        """BEGIN IMMEDIATE ... COMMIT; joins the transaction that is already open.

        `name` names the failpoints `ledger.before_commit.NAME` and `ledger.after_commit.NAME`.
        """
        if self._connection.in_transaction:
            yield
            return
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            yield
            reached(f"ledger.before_commit.{name}")
            self._connection.execute("COMMIT")
        except BaseException as error:
            self._roll_back()
            if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, _BUGS):
                raise database_error(self.path, error) from error
            raise
        reached(f"ledger.after_commit.{name}")

    @contextlib.contextmanager
    def trusted_references(self) -> Iterator[None]:
        """Write rows without looking up what they refer to, in a transaction inside that has read
        each of those ids itself; `ledger.integrity` looks all of them up."""
        self._connection.execute("PRAGMA foreign_keys = OFF")  # nothing inside a transaction
        try:
            yield
        finally:
            self._connection.execute("PRAGMA foreign_keys = ON")

    @contextlib.contextmanager
    def known_to_pass_checks(self) -> Iterator[None]:
        """Write rows without their CHECK constraints, in literals that they hold for: for each row
        SQLite makes a table of the values behind an IN anew, which takes longer than the row."""
        self._connection.execute("PRAGMA ignore_check_constraints = 1")
        try:
            yield
        finally:
            self._connection.execute("PRAGMA ignore_check_constraints = 0")

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Show all reads inside one state of the ledger, whatever another process writes."""
        self.execute("BEGIN")
        try:
            yield
        finally:
            self._roll_back()

    def execute(self, sql: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        """Run one statement."""
        try:
            return self._connection.cursor(self._cursor).execute(sql, values)
        except _BUGS:
            raise
        except sqlite3.DatabaseError as error:
            raise database_error(self.path, error) from error

    def execute_named(self, sql: str, values: Mapping[str, object]) -> None:
        """Run one statement with named values; it may leave some of them out."""
        with _translated(self.path):
            self._connection.execute(sql, values)

    def executemany(self, sql: str, rows: Iterator[Sequence[object]] | Sequence[object]) -> None:
        """Run one statement for each row."""
        with _translated(self.path):
            self._connection.executemany(sql, rows)  # type: ignore[arg-type]

    def one(self, sql: str, values: Sequence[object] = ()) -> tuple[object, ...] | None:
        """First row, or None."""
        try:  # called for every image: no cursor of ours, no `with`, which take longer
            row: tuple[object, ...] | None = self._connection.execute(sql, values).fetchone()
        except _BUGS:
            raise
        except sqlite3.DatabaseError as error:
            raise database_error(self.path, error) from error
        return row

    def number(self, sql: str, values: Sequence[object] = ()) -> int:
        """First column of the first row as an integer, 0 for none or NULL."""
        row = self.one(sql, values)
        return int(row[0]) if row and row[0] is not None else 0  # type: ignore[call-overload]

    def insert(self, sql: str, values: Sequence[object] = ()) -> int:
        """Run an INSERT and give the new row's id."""
        return int(self.execute(sql, values).lastrowid or 0)

    def insert_new(self, sql: str, values: Sequence[object] = ()) -> int:
        """Run an INSERT that does nothing on a conflict, and give the new row's id, or 0.

        It takes half the time of RETURNING, whose rows SQLite collects in a table first.
        """
        cursor = self.execute(sql, values)
        return int(cursor.lastrowid or 0) if cursor.rowcount else 0

    def backup(self, target: Path) -> None:
        """Write a consistent copy to `target`."""
        with contextlib.closing(sqlite3.connect(target)) as copy:
            self._connection.backup(copy)

    def _roll_back(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def _is_of_earlier_version(self) -> bool:
        """Tell whether a ledger has not all of today's tables; one that was killed while it was
        made has none."""
        version = self._version()
        return version < len(MIGRATIONS) and (
            version > 0 or not self.number("SELECT COUNT(*) FROM sqlite_schema")
        )

    def _read_copy(self) -> None:
        """Go on with a temporary copy in today's tables."""
        with contextlib.closing(self._connection) as original:
            self._connection = private_copy(original, check_same_thread=self._own_thread)
        self._migrate()

    def _version(self) -> int:
        version = self.number("PRAGMA user_version")
        if version > len(MIGRATIONS):
            raise BooksError(
                f"{self.path} was written by a newer captionmill (ledger version {version}, this "
                f"one knows {len(MIGRATIONS)}): upgrade captionmill"
            )
        return version

    def _migrate(self) -> None:
        missing = MIGRATIONS[self._version() :]
        if not missing:
            return
        with self.transaction("migrate"):  # one for all: a new ledger waits for the disk once
            for statement in chain.from_iterable(missing):
                self.execute(statement)
            # user_version lives in the same file and rolls back with the transaction
            self.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def _reading(path: Path, own_thread: bool) -> sqlite3.Connection:
    try:
        return open_read_only(path, check_same_thread=own_thread)
    except OSError as error:
        raise storage_error(path, error, "read") from error


def _writing(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path.absolute().as_uri(), uri=True, isolation_level=None, timeout=30)


def among(sources: SourceRows) -> str:
    """Value of the parameter of AMONG."""
    return json.dumps(sources if isinstance(sources, tuple) else (sources,))


def sql_list(names: Iterable[str]) -> str:
    """Inside of an SQL list of our own names, never of a user's text: 'a', 'b'."""
    return ", ".join(f"'{name}'" for name in sorted(names))


def database_error(path: Path, error: sqlite3.DatabaseError) -> StorageError | BooksError:
    """Translate an SQLite error into words that say which file and what to do."""
    text = str(error)
    if "disk is full" in text or "disk I/O" in text or "readonly" in text or "unable" in text:
        return StorageError(f"cannot write {path}: {text}; nothing is lost, repair and run again")
    if any(words in text for words in _DAMAGE):
        return BooksError(f"{path} is damaged ({text}): run 'captionmill rebuild'")
    return StorageError(f"{path}: {text}")
