from __future__ import annotations

import pytest

from pipeline.ledger.present_images import images_in_folders, present_images
from pipeline.records import SourceFile
from tests.ledger.world import NOW, World


def add_source(world: World, name: str, count: int) -> int:
    """A source with so many images, the first of which is gone."""
    images = world.ledger.images
    source = images.source("folder", f"/{name}", name)
    folder, _ = images.folder(source, "")
    files = [SourceFile("", f"{name}{number}.jpg", "", 1, 1, 1) for number in range(count)]
    images.upsert(folder, files, 1, NOW)
    world.ledger.database.execute(f"UPDATE images SET present = 0 WHERE name = '{name}0.jpg'")
    return source


@pytest.mark.parametrize("others", [0, 1])
def test_images_that_are_there_are_counted(world: World, others: int) -> None:
    world.image("a.jpg", 1)
    world.ledger.database.execute("UPDATE images SET present = 0")
    world.image("b.jpg", 2)
    added = [add_source(world, f"other{number}", 4) for number in range(others)]
    database = world.ledger.database
    assert present_images(database) == 1 + 3 * others
    assert present_images(database, world.source) == 1
    assert [present_images(database, source) for source in added] == [3] * others
    assert present_images(database, (world.source, *added)) == 1 + 3 * others
    assert present_images(database, ()) == 0


def test_an_image_of_no_folder_is_missing_in_those_of_folders(world: World) -> None:
    world.image("a.jpg", 1)
    world.image("b.jpg", 2)
    world.ledger.database.execute("PRAGMA foreign_keys = OFF")
    world.ledger.database.execute("UPDATE images SET folder = 98 WHERE name = 'b.jpg'")
    assert present_images(world.ledger.database, world.source) == 2
    assert images_in_folders(world.ledger.database, world.source) == 1
