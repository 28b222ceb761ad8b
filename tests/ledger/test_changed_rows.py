from __future__ import annotations

import pytest

from pipeline.ledger import changed_rows
from pipeline.ledger.rows import COLUMNS
from tests.ledger.world import World

PATH = list(COLUMNS).index("path")


def world_of(world: World, count: int) -> list[int]:
    """Images by their numbers, in two folders, as a table has them."""
    images = [world.image(f"{n:02}.jpg", n) for n in range(1, count + 1)]
    world.folder, _ = world.ledger.images.folder(world.source, "sub")
    images += [world.image(f"{n:02}.jpg", n + 50) for n in range(1, count + 1)]
    world.ledger.changed_rows.begin_anew()
    return images


def test_groups_begin_where_their_rows_say(world: World) -> None:
    images = world_of(world, 5)
    ledger = world.ledger.changed_rows
    assert ledger.starts([3, 3, 4]) == [images[0], images[3], images[6]]
    assert ledger.starts([10]) == [images[0]]
    assert ledger.starts([10, 3]) == [], "the table has no such rows"
    pages = [[row[PATH] for row in page] for page in ledger.pages([images[0], images[3]], 1)]
    assert [path for page in pages for path in page] == [
        "04.jpg", "05.jpg", *(f"sub/{n:02}.jpg" for n in range(1, 6))
    ]  # fmt: skip


def test_rows_belong_to_the_group_that_they_stand_in(world: World) -> None:
    images = world_of(world, 5)
    ledger, starts = world.ledger.changed_rows, [images[0], images[3], images[6]]
    world.image("00.jpg", 90)  # before all others, as folders are
    world.folder, _ = world.ledger.images.folder(world.source, "")
    world.image("00.jpg", 91)
    world.image("045.jpg", 92)
    world.ledger.database.execute(
        "UPDATE images SET reject_detail = 'x' WHERE id = ?", (images[7],)
    )
    groups = ledger.groups(starts, [])
    assert groups is not None
    assert dict(groups.more) == {0: 1, 1: 2, 2: 0}
    assert groups.changed == {0, 1, 2}
    assert ledger.groups([images[0], 10**6], []) is None, "an image that is not there"


def test_edited_pictures_are_changed_rows(world: World) -> None:
    images = world_of(world, 5)
    groups = world.ledger.changed_rows.groups(images, [bytes([2]) * 32, b"of no image"])
    assert groups is not None
    assert groups.changed == {1}


def test_much_that_has_changed_is_read_as_a_whole(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world_of(world, 5)
    monkeypatch.setattr(changed_rows, "_FEWEST", 2)
    monkeypatch.setattr(changed_rows, "_PART", 3)
    for number, known in ((1, True), (2, True), (3, True), (4, False)):
        world.ledger.database.execute("UPDATE images SET columns = '{}' WHERE id = ?", (number,))
        assert world.ledger.changed_rows.are_known() == known


def test_what_is_forgotten_is_not_known(world: World) -> None:
    world_of(world, 2)
    assert world.ledger.changed_rows.are_known()
    world.ledger.changed_rows.forget()
    assert not world.ledger.changed_rows.are_known()


def test_only_touched_works_are_looked_at_for_representatives(world: World) -> None:
    images = world_of(world, 2)
    database = world.ledger.database
    copy = world.image("copy.jpg", 1)
    database.execute("UPDATE images SET present = 0 WHERE id = ?", (images[0],))
    world.ledger.works.elect_representatives(touched=True)
    assert database.number("SELECT representative FROM works WHERE id = 1") == copy
    database.execute("UPDATE images SET work = NULL WHERE id = ?", (copy,))
    database.execute("UPDATE images SET present = 1 WHERE id = ?", (images[0],))
    world.ledger.works.elect_representatives(touched=True)
    assert database.number("SELECT representative FROM works WHERE id = 1") == images[0]
