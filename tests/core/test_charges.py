from __future__ import annotations

from pipeline.core.cells import Cells
from pipeline.core.charges import COLUMNS
from pipeline.ledger import charges


def test_every_column_is_documented_once_and_comes_from_the_ledger() -> None:
    names = [column.name for column in COLUMNS]
    assert len(set(names)) == len(names)
    assert all(column.description for column in COLUMNS)
    assert set(names) - set(charges.COLUMNS) == {"custom_id"}  # of work_key and attempt
    Cells(charges.COLUMNS, COLUMNS)
