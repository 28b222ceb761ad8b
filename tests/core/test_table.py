from __future__ import annotations

from pipeline.core import table
from pipeline.core.cells import Cells
from pipeline.ledger.rows import COLUMNS as LEDGER
from pipeline.ledger.specs import FACTS
from pipeline.records import Outcome


def test_every_column_is_documented_once() -> None:
    names = [column.name for column in table.FIXED]
    assert len({name.casefold() for name in names}) == len(names)
    assert all(column.description for column in table.FIXED)


def test_the_outcomes_are_named() -> None:
    described = next(c for c in table.FIXED if c.name == "outcome").description
    for outcome in (*Outcome.__args__, "duplicate", "rejected", "pending"):  # type: ignore[attr-defined]
        assert outcome in described


def test_the_ledger_gives_every_column() -> None:
    names = list(LEDGER)
    Cells(names, table.FIXED, facts={name: {} for name in FACTS})
    used = {column.source for column in table.FIXED} | {"attempt", "fields", "columns", "spec"}
    assert set(names) <= used
