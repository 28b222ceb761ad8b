from __future__ import annotations

import pytest

from pipeline.ledger.row_outcome import LEFT_OUT, OUTCOME, REJECTED
from tests.ledger.world import World

ROW = f"SELECT {OUTCOME}, {REJECTED}, {LEFT_OUT} FROM images i LEFT JOIN works w ON w.id = i.work"


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ("reject_code = NULL", ("pending", None, 0)),
        ("reject_code = 'truncated'", ("rejected", 1, 0)),
        ("reject_code = 'host_busy'", ("pending", 0, 0)),
        ("work = NULL", ("pending", None, 0)),
        ("work = NULL, todo = 0, existing_text = 'a cat'", ("had_caption", None, 1)),
    ],
)
def test_a_row_has_one_outcome(world: World, cells: str, expected: tuple[object, ...]) -> None:
    world.image("a.jpg", 1)
    world.ledger.database.execute(f"UPDATE images SET {cells}")
    assert world.ledger.database.one(ROW) == expected
