from __future__ import annotations

from pipeline.ledger.rows import COLUMNS
from pipeline.records import Rejection
from tests.ledger.world import World

FLAGS = tuple(COLUMNS).index("flags")


def test_a_row_is_stale_while_it_shows_the_former_content(world: World) -> None:
    world.image("a.jpg", 1)
    world.image("b.jpg", 2)
    database = world.ledger.database
    database.execute("INSERT INTO rechecks (original, recipe, former) VALUES (1, 1, 1), (2, 1, 2)")
    world.ledger.rechecks.mark_wrong(1, world.recipe, "palette", Rejection("damaged", "no"))
    database.execute("UPDATE preparations SET flags = 'first_frame'")
    flags = [row[FLAGS] for page in world.ledger.rows.table() for row in page]
    assert flags == ["first_frame,stale", "first_frame"]
    database.execute("UPDATE images SET flags = 'gone' WHERE name = 'a.jpg'")
    flags = [row[FLAGS] for page in world.ledger.rows.table() for row in page]
    assert flags == ["gone,first_frame,stale", "first_frame"]
