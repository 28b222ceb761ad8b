"""Damage of a ledger's file: pages, rows, indexes, references; reads only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from operator import lt

from pipeline.ledger.database import Database

_BY_HASH = {"originals": "source_id", "contents": "content_id", "works": "work_key"}
_PAGE = 1_000  # rows
# the only other index of such a table; lookups of rows that follow each other are cheap
_PENDING_DIFFER = """
SELECT (SELECT COUNT(*) FROM works NOT INDEXED WHERE state = 'pending')
    <> (SELECT COUNT(*) FROM works INDEXED BY works_pending WHERE state = 'pending')
OR EXISTS (SELECT 1 FROM works w NOT INDEXED WHERE w.state = 'pending' AND NOT EXISTS (
    SELECT 1 FROM works p INDEXED BY works_pending
    WHERE p.state = 'pending' AND p.spec IS w.spec AND p.id = w.id))
"""


def integrity(db: Database) -> list[str]:
    """Damage in words, [] where all is sound.

    SQLite looks each row up in each index. Of indexes of hashes that is a page from anywhere for
    each row, four times the CPU of two walks at ten million images and far more where the file is
    larger than memory: these are compared with their tables by sums.
    """
    problems = _said_by(db, "PRAGMA quick_check")
    if not problems:  # what is torn cannot be walked
        problems += _wrong_indexes(db)
    problems += [f"foreign key: {row}" for row in db.execute("PRAGMA foreign_key_check")]
    return problems + list(_broken_checks(db))


def _said_by(db: Database, check: str) -> list[str]:
    return [str(row[0]) for row in db.execute(check) if row[0] != "ok"]


def _wrong_indexes(db: Database) -> Iterator[str]:
    tables = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    for (table,) in tables:
        column = _BY_HASH.get(table)
        if column is None:
            yield from _said_by(db, f"PRAGMA integrity_check({table})")
        elif not _is_indexed(db, table, column):
            yield f"{table} and its index of {column} differ"
    if db.number(_PENDING_DIFFER):
        yield "works and their index works_pending differ"


def _is_indexed(db: Database, table: str, column: str) -> bool:
    """Compare a table with its index of a unique column, and the order of that index. Memory:
    constant."""
    rows = db.execute(f"SELECT {column}, id FROM {table} NOT INDEXED")
    total = 0
    while page := rows.fetchmany(_PAGE):
        total += sum(map(hash, page))
    rows = db.execute(f"SELECT {column}, id FROM {table} INDEXED BY sqlite_autoindex_{table}_1")
    last, ordered = b"", True
    while page := rows.fetchmany(_PAGE):
        total -= sum(map(hash, page))
        keys = [last, *[key for key, _ in page]]
        ordered = ordered and all(map(lt, keys, keys[1:]))
        last = keys[-1]
    return ordered and not total


def _broken_checks(db: Database) -> Iterator[str]:
    """Rows that a table's CHECK refuses: of a file that is only read SQLite does not even parse
    these, so its own check passes over them."""
    tables = db.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'table'")
    for table, sql in tables.fetchall():
        for condition in _checks_in(str(sql)):
            count = db.number(f"SELECT COUNT(*) FROM {table} WHERE NOT ({condition})")
            if count:
                yield f"{table} with values that cannot be ({condition}): {count:,}"


def _checks_in(sql: str) -> Iterator[str]:
    """Conditions of a table's CHECKs."""
    for match in re.finditer(r"\bCHECK \(", sql):
        depth, at = 1, match.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(sql[at], 0)
            at += 1
        yield sql[match.end() : at - 1]
