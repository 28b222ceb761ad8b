from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.server.database import ServerDatabase


@pytest.fixture
def database(tmp_path: Path) -> Iterator[ServerDatabase]:
    with closing(ServerDatabase(tmp_path / "server.db")) as opened:
        yield opened


def test_a_failed_transaction_leaves_nothing(database: ServerDatabase) -> None:
    def broken() -> None:
        with database.transaction():
            database.store("a", "1")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken()
    assert database.value("SELECT value FROM meta WHERE key = 'a'") is None


def test_inner_transactions_join_the_outer_one(database: ServerDatabase) -> None:
    def broken() -> None:
        with database.transaction():
            with database.transaction():
                database.store("a", "1")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken()
    with database.transaction():
        database.store("b", "2")
    assert [row["key"] for row in database.read("SELECT key FROM meta")] == ["b"]


def test_remembers_the_first_value_over_restarts(database: ServerDatabase, tmp_path: Path) -> None:
    assert database.remember("seed", "one") == "one"
    database.close()
    again = ServerDatabase(tmp_path / "server.db")
    assert again.remember("seed", "two") == "one"
    again.store("seed", "three")
    assert again.remember("seed", "four") == "three"
    again.close()


def test_insert_returns_the_row_number(database: ServerDatabase) -> None:
    values = {"time": 1.0, "method": "GET", "path": "/", "status": 200, "fault": None}
    assert database.insert("requests", values) == 1
    assert database.insert("requests", values) == 2
