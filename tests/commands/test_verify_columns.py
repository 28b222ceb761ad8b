"""Each column of each table of the ledger, changed in copies of one workspace."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pipeline.ledger.schema import MIGRATIONS
from pipeline.ledger.unprovable import UNPROVABLE
from pipeline.system.workspace import Workspace
from tests.commands.test_verify_bits import copy, findings, flipped, sound
from tests.rig import Rig

__all__ = ["copy", "sound"]
_NEW = {"INTEGER": 1, "TEXT": "x", "BLOB": b"x"}  # in the place of NULL


def columns() -> dict[str, list[tuple[str, str]]]:
    """(name, type) of each column, by table."""
    with closing(sqlite3.connect(":memory:")) as ledger:
        for statement in (sql for migration in MIGRATIONS for sql in migration):
            ledger.execute(statement)
        names = ledger.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        return {
            str(table): [
                (str(name), str(kind))
                for _, name, kind, *_ in ledger.execute(f"PRAGMA table_info({table})")
            ]
            for (table,) in names
        }


COLUMNS = columns()


def changed_last(value: Any) -> Any:
    """A value with one bit changed elsewhere than `flipped` does."""
    if isinstance(value, int):
        return value ^ 64
    if isinstance(value, bytes):
        return bytes([*value[:-1], value[-1] ^ 1])
    return value[:-1] + chr(ord(value[-1]) ^ 1)


def changes(ledger: sqlite3.Connection, table: str, column: str, kind: str) -> Iterator[Any]:
    """(SQL, values) of changes to the first and to the last row that has a value there."""
    info = ledger.execute(f"PRAGMA table_info({table})")
    keys = ", ".join(str(row[1]) for row in info if row[5])
    rows = ledger.execute(f"SELECT {column}, {keys} FROM {table} ORDER BY {keys}").fetchall()
    rows = [row for row in rows if row[0] is not None] or rows
    for row, change in zip([*rows[:1], *rows[-1:]], [flipped, changed_last], strict=False):
        value = change(row[0]) if row[0] not in (None, "", b"") else _NEW[kind]
        where = " AND ".join(f"{key} = ?" for key in keys.split(", "))
        yield f"UPDATE {table} SET {column} = ? WHERE {where}", (value, *row[1:])


def is_changed(path: Path, sql: str, values: tuple[Any, ...]) -> bool:
    """Make a change as a bad disk does; False where SQLite's own indexes would tell."""
    with closing(sqlite3.connect(path)) as ledger:
        ledger.execute("PRAGMA ignore_check_constraints = ON")
        try:
            with ledger:
                ledger.execute(sql, values)
        except sqlite3.IntegrityError:
            return False
    return True


@pytest.mark.parametrize("table", COLUMNS)
def test_a_change_of_any_column_is_found_or_listed_as_unprovable(
    table: str, sound: Rig, copy: Workspace
) -> None:
    before = copy.ledger.read_bytes()
    for column, kind in COLUMNS[table]:
        with closing(sqlite3.connect(copy.ledger)) as ledger:
            chosen = list(changes(ledger, table, column, kind))
        unseen = not chosen
        for sql, values in chosen:
            changed = is_changed(copy.ledger, sql, values)
            unseen |= changed and not findings(sound, copy, originals=True)
            copy.ledger.write_bytes(before)
        assert unseen == (f"{table}.{column}" in UNPROVABLE), f"{table}.{column}"
