from pipeline.ledger.works import Work
from tests.ledger.world import World


def test_a_work_is_asked_for_by_its_key(world: World) -> None:
    world.image("a.jpg", 1)
    row, key = world.works[0]
    assert world.ledger.works.peek(key) == Work(row, "pending", 0)
    assert world.ledger.works.peek(b"other") is None


def test_a_renamed_file_becomes_the_representative(world: World) -> None:
    old = world.image("old.jpg", 1)
    new = world.image("new.jpg", 1)
    world.ledger.database.execute("UPDATE images SET present = 0 WHERE id = ?", (old,))
    world.ledger.works.elect_representatives()
    assert world.ledger.database.one("SELECT representative FROM works") == (new,)
