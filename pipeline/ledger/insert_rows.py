"""Insertion of many rows by each statement.

Opening a table with its indexes and handing the interpreter over take as long as a row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, islice

from pipeline.ledger.database import Database

_ROWS = 32  # by one statement: 999 values are the most that an older SQLite takes
_PAGE = 100 * _ROWS  # rows that are made at once


def insert_rows(
    database: Database, into: str, marks: str, rows: Iterable[Sequence[object]]
) -> None:
    """Insert rows in their order.

    Args:
        into: SQL up to VALUES.
        marks: SQL of one row, in brackets; 31 values of it at most are bound.
    """
    many = f"{into} VALUES {', '.join([marks] * _ROWS)}"
    waiting = iter(rows)
    while page := [*islice(waiting, _PAGE)]:
        full = len(page) - len(page) % _ROWS
        together = (chain.from_iterable(page[at : at + _ROWS]) for at in range(0, full, _ROWS))
        database.executemany(many, map(tuple, together))
        database.executemany(f"{into} VALUES {marks}", page[full:])
