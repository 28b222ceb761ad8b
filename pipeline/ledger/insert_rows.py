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
    width = marks.count("?")
    cells = chain.from_iterable(rows)
    while page := (*islice(cells, _PAGE * width),):
        full = len(page) - len(page) % (_ROWS * width)
        starts = range(0, full, _ROWS * width)
        database.executemany(many, (page[at : at + _ROWS * width] for at in starts))
        rest = range(full, len(page), width)
        database.executemany(f"{insert} {marks} {conflict}", [page[at : at + width] for at in rest])
