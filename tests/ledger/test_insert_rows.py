from __future__ import annotations

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
        insert_rows(database, "INSERT INTO t (n, s, x)", "(?, ?, 'x')", iter(rows))
        written = database.execute("SELECT n, s, x, id FROM t ORDER BY id").fetchall()
    assert written == [(number, text, "x", number + 1) for number, text in rows]
