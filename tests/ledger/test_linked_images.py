"""Counts by the index of works; test_quoted holds them against reading every image."""

from __future__ import annotations

from collections import Counter

from pipeline.core.retry import DEFAULT_RULES
from pipeline.ledger.linked_images import LinkedImages
from tests.ledger.world import NOW, World, answered


def test_a_source_that_has_all_images(world: World) -> None:
    linked = LinkedImages(world.ledger.database)
    assert linked.only_source() == world.source
    other = world.ledger.images.source("folder", "/other/", "other")
    world.ledger.images.folder(other, "sub")
    assert linked.only_source() is None


def test_images_of_a_work_are_one_caption_and_its_copies(world: World) -> None:
    world.image("a.jpg", 1)
    world.image("copy of a.jpg", 1)
    world.image("b.jpg", 2)
    linked = LinkedImages(world.ledger.database)
    assert linked.linked(world.spec, 3) == (3, 2)
    assert linked.linked(world.spec + 1, 3) == (0, 0)
    assert linked.outcomes(4) == Counter(pending=4)
    shard, batch = world.submitted()
    answers = [answered(key, 300) for _, key in world.works]
    world.ledger.answers.settle(shard, batch, answers, DEFAULT_RULES, NOW)
    world.ledger.works.elect_representatives()
    assert linked.outcomes(4) == Counter(captioned=2, duplicate=1, pending=1)


def test_many_unusual_images_are_left_to_reading_them(world: World) -> None:
    for number in range(1, 6):
        world.image(f"{number}.jpg", number)
    linked, execute = LinkedImages(world.ledger.database), world.ledger.database.execute
    execute("UPDATE images SET todo = 1 WHERE id = 1")
    assert linked.linked(world.spec, 5) == (4, 4)
    execute("UPDATE images SET reject_code = 'x' WHERE id = 2")
    assert linked.linked(world.spec, 5) is None


def test_a_work_without_an_image_is_noticed(world: World) -> None:
    world.image("a.jpg", 1)
    world.image("b.jpg", 2)
    assert LinkedImages(world.ledger.database).all_works_are()
    world.ledger.database.execute("UPDATE images SET work = 1")
    assert not LinkedImages(world.ledger.database).all_works_are()
