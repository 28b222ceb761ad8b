"""Pages of the ledger that SQLite holds in memory."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from typing import Protocol

from pipeline.errors import CaptionmillError

LARGE_CACHE = "PRAGMA cache_size = -65536"
"""Statement for 64 MB, which rows with random keys need."""
_SMALL_CACHE = "PRAGMA cache_size = -8192"


class _Database(Protocol):
    def execute(self, sql: str, /) -> object: ...

    def number(self, sql: str, /) -> int: ...


@contextlib.contextmanager
def small_cache(database: _Database) -> Iterator[None]:
    """Hold few pages meanwhile, for what reads each row once, or writes in their order: it finds
    none of them again, and its own memory comes on top."""
    usual = database.number("PRAGMA cache_size")
    database.execute(_SMALL_CACHE)
    database.execute("PRAGMA shrink_memory")
    try:
        yield
    finally:
        with contextlib.suppress(sqlite3.Error, CaptionmillError):  # what ended it matters
            database.execute(f"PRAGMA cache_size = {usual}")
