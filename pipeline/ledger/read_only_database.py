"""Reading of an SQLite file, also where nothing can be written beside it.

A reader of a file in WAL mode makes two files beside it. On a read-only mount, in a snapshot or in
somebody else's folder it cannot.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from pathlib import Path

from pipeline.system.files import temporary_folder

_UNFINISHED = ("-wal", "-journal")  # hold what is not yet, or no longer, in the file itself


def open_read_only(path: Path, *, check_same_thread: bool = True) -> sqlite3.Connection:
    """Connection that reads the database at `path`.

    Raises:
        sqlite3.DatabaseError: it cannot be read.
        OSError: it must be copied to be read, and cannot be.
    """
    uri = path.absolute().as_uri()
    try:
        return _opened(f"{uri}?mode=ro", check_same_thread)
    except sqlite3.OperationalError:
        if os.access(path.parent, os.W_OK) or not os.access(path, os.R_OK):
            raise
    if any(_holds_something(Path(f"{path}{suffix}")) for suffix in _UNFINISHED):
        return _copied(path, check_same_thread)
    return _opened(f"{uri}?immutable=1", check_same_thread)


def _opened(uri: str, check_same_thread: bool) -> sqlite3.Connection:
    connection = sqlite3.connect(
        uri, uri=True, isolation_level=None, timeout=30, check_same_thread=check_same_thread
    )
    try:
        connection.execute("PRAGMA user_version").fetchone()  # only now is the file opened
    except BaseException:
        connection.close()
        raise
    return connection


def _holds_something(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return path.stat().st_size > 0
    return False


def _copied(path: Path, check_same_thread: bool) -> sqlite3.Connection:
    """Connection to a private copy, into which what was unfinished is taken."""
    with temporary_folder() as folder:
        copy = folder / path.name
        for suffix in ("", *_UNFINISHED):
            with contextlib.suppress(FileNotFoundError):
                shutil.copyfile(f"{path}{suffix}", f"{copy}{suffix}")
        with contextlib.closing(_opened(copy.as_uri(), check_same_thread)) as original:
            return private_copy(original, check_same_thread=check_same_thread)


def private_copy(
    original: sqlite3.Connection, *, check_same_thread: bool = True
) -> sqlite3.Connection:
    """Connection to a temporary database with the same contents, gone when it is closed."""
    copy = sqlite3.connect("", isolation_level=None, check_same_thread=check_same_thread)
    try:
        original.backup(copy)
    except BaseException:
        copy.close()
        raise
    return copy
