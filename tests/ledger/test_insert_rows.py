from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.ledger.database import Database
from pipeline.ledger.insert_rows import insert_rows


@pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 3_200, 3_233])
def test_rows_are_inserted_in_their_order(tmp_path: Path, count: int) -> None:
    rows = [(number, f"'{number}") for number in range(count)]
    with closing(Database(tmp_path / "ledger.db")) as database:
        database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, s TEXT, x TEXT)")
        insert_rows(database, "t (n, s, x)", "(?, ?, 'x')", iter(rows))
        written = database.execute("SELECT n, s, x, id FROM t ORDER BY id").fetchall()
    assert written == [(number, text, "x", number + 1) for number, text in rows]


@pytest.mark.parametrize("number", [7, 40], ids=["among many", "alone"])
def test_a_row_that_is_refused_takes_the_transaction_back(tmp_path: Path, number: int) -> None:
    rows = [(n,) for n in range(41)]
    rows[number] = (3,)
    with closing(Database(tmp_path / "ledger.db")) as database:
        database.execute("CREATE TABLE t (n INTEGER UNIQUE)")
        with pytest.raises(sqlite3.IntegrityError):
            _insert(database, [(100,), *rows])
        assert database.number("SELECT COUNT(*) FROM t") == 0
        _insert(database, [(1,)] * 41, "ON CONFLICT (n) DO NOTHING")
        assert database.number("SELECT COUNT(*) FROM t") == 1


def _insert(database: Database, rows: list[tuple[int]], conflict: str = "") -> None:
    with database.transaction("test"):
        insert_rows(database, "t (n)", "(?)", rows, conflict)
