from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from pipeline.ledger.database import Database
from pipeline.ledger.page_cache import small_cache


def test_what_reads_each_row_once_leaves_few_pages_in_memory(tmp_path: Path) -> None:
    sizes: list[int] = []

    def fail_with_few(database: Database) -> None:
        with small_cache(database):
            sizes.append(database.number("PRAGMA cache_size"))
            raise ZeroDivisionError

    with contextlib.closing(Database(tmp_path / "ledger.db")) as database:
        sizes.append(database.number("PRAGMA cache_size"))
        with pytest.raises(ZeroDivisionError):
            fail_with_few(database)
        sizes.append(database.number("PRAGMA cache_size"))
        with small_cache(database):
            with small_cache(database):
                pass
            sizes.append(database.number("PRAGMA cache_size"))
    assert sizes == [-65_536, -8_192, -65_536, -8_192]  # KiB


def test_a_ledger_that_was_closed_meanwhile_is_no_fault(tmp_path: Path) -> None:
    database = Database(tmp_path / "ledger.db")
    with small_cache(database):
        database.close()
