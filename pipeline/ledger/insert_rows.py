"""Insertion of many rows by each statement.

Opening a table with its indexes and handing the interpreter over take as long as a row. A statement
of many rows that could be taken back alone would copy each page before: one that fails takes the
whole transaction back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, islice

from pipeline.ledger.database import Database

_ROWS = 32  # by one statement: 999 values are the most that an older SQLite takes
_PAGE = 100 * _ROWS  # rows that are made at once


def insert_rows(
    database: Database,
    into: str,
    marks: str,
    rows: Iterable[Sequence[object]],
    conflict: str = "",
) -> None:
    """Insert rows in their order, in a transaction that is lost when one of them is refused.

    Args:
        into: SQL of table and columns.
        marks: SQL of one row, in brackets; 31 values of it at most are bound.
        conflict: SQL behind the values.
    """
    insert = f"INSERT OR ROLLBACK INTO {into} VALUES"
    many = f"{insert} {', '.join([marks] * _ROWS)} {conflict}"
    waiting = iter(rows)
    while page := [*islice(waiting, _PAGE)]:
        full = len(page) - len(page) % _ROWS
        together = (chain.from_iterable(page[at : at + _ROWS]) for at in range(0, full, _ROWS))
        database.executemany(many, map(tuple, together))
        database.executemany(f"{insert} {marks} {conflict}", page[full:])
