from pipeline.ledger.quoted import ImageCounts
from pipeline.records import Rejection, SourceFile
from tests.ledger.world import NOW, World


def test_images_are_counted_by_what_became_of_them(world: World) -> None:
    world.image("a.jpg", 1)
    world.image("copy of a.jpg", 1)
    world.image("b.jpg", 2)
    world.reject(world.image("broken.jpg", 3), Rejection("truncated", "half a file"))
    unread = SourceFile("", "new.jpg", "/imgs/new.jpg", 10, 9, 9)
    world.ledger.images.upsert(world.folder, [unread], 1, NOW)
    world.ledger.database.execute("UPDATE sources SET spec = ?", (world.spec,))
    counts = ImageCounts(present=5, rejected=1, linked=3, works=2, otherwise=0)
    assert world.ledger.quoted.counts(world.source) == counts
    assert world.ledger.quoted.counts(99) == ImageCounts(0, 0, 0, 0, 0)


def test_an_image_of_another_spec_is_neither_linked_nor_to_do(world: World) -> None:
    world.image("a.jpg", 1)
    world.image("b.jpg", 2)
    world.ledger.database.execute("UPDATE sources SET spec = ?", (world.spec,))
    world.ledger.database.execute("UPDATE works SET spec = NULL WHERE id = 2")
    counts = ImageCounts(present=2, rejected=0, linked=1, works=1, otherwise=1)
    assert world.ledger.quoted.counts(world.source) == counts
    others = world.ledger.quoted.identified(world.source, world.recipe, "otherwise")
    assert [row[0][0] for row in others] == [2]
    assert world.ledger.quoted.count_refused(world.source, world.recipe, "otherwise") == 0


def test_a_pending_work_is_priced_once_and_one_that_is_under_way_is_not(world: World) -> None:
    world.image("a.jpg", 1)
    world.image("copy of a.jpg", 1)
    quoted = world.ledger.quoted
    assert list(quoted.pending(world.source, world.spec)) == [
        (bytes([1]) * 32, world.works[0][1], 512, 384, {})
    ]
    assert list(quoted.pending(world.source, world.spec + 1)) == []
    assert quoted.is_linked(world.source, world.works[0][1])
    assert not quoted.is_linked(world.source + 1, world.works[0][1])
    assert not quoted.is_linked(world.source, bytes(32))
    world.seal()
    assert list(quoted.pending(world.source, world.spec)) == []


def test_images_to_do_are_asked_for_without_the_others(world: World) -> None:
    world.image("a.jpg", 1)
    changed = world.image("b.jpg", 2)
    world.ledger.database.execute("UPDATE images SET todo = 1 WHERE id = ?", (changed,))
    quoted = world.ledger.quoted
    assert [row[0][0] for row in quoted.identified(world.source, world.recipe, "all")] == [1, 2]
    todo = list(quoted.identified(world.source, world.recipe, "todo"))
    assert [(row[0][0], *row[2:]) for row in todo] == [(2, 512, 384, {})]
    assert quoted.count_refused(world.source, world.recipe, "todo") == 0
