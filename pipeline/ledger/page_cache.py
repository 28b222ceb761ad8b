"""Pages of the ledger that SQLite holds in memory."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from typing import Protocol

from pipeline.errors import CaptionmillError

LARGE_CACHE = "PRAGMA cache_size = -65536"
"""Statement for 64 MB, which rows with random keys need."""
_SMALL_CACHE = "PRAGMA cache_size = -16384"


class _Executes(Protocol):
    def execute(self, sql: str, /) -> object: ...


@contextlib.contextmanager
def small_cache(database: _Executes) -> Iterator[None]:
    """Hold few pages meanwhile, for what reads each row once, or writes in their order."""
    database.execute(_SMALL_CACHE)
    database.execute("PRAGMA shrink_memory")
    try:
        yield
    finally:
        with contextlib.suppress(sqlite3.Error, CaptionmillError):  # what ended it matters
            database.execute(LARGE_CACHE)
