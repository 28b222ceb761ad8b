from pipeline.records import SourceFile
from tests.ledger.world import NOW, World, prepared


def seen(world: World, name: str, number: int, look: bytes, sharpness: int = 0) -> int:
    """A new image whose content is known and that was not linked to a work yet."""
    world.ledger.images.upsert(
        world.folder, [SourceFile("", name, f"/imgs/{name}", 10, number, number)], 1, NOW
    )
    image = next(i for i in world.ledger.images.todo(world.source) if i.name == name)
    picture = prepared(number)._replace(perceptual_hash=look, sharpness=sharpness)
    with world.recording() as recording:
        recording.load([picture])
        content = recording.prepared(picture)
        recording.link(image.id, recording.original(picture.source_id), content)
    return content.row


def test_looks_of_new_images_and_of_what_is_paid_for(world: World) -> None:
    paid = seen(world, "paid.jpg", 1, b"p" * 16)
    world.image("paid.jpg", 1)
    new = seen(world, "new.jpg", 2, b"n" * 16 + b"c" * 27, sharpness=7)
    looks = world.ledger.near_duplicates.appearances(world.source, world.spec, world.recipe)
    assert looks.rows.tolist() == [paid, new]
    assert looks.hashes == b"p" * 16 + b"n" * 16
    assert [(look.hash, look.settled, look.sharpness) for look in looks] == [
        (b"p" * 16, True, 0),
        (b"n" * 16, False, 7),
    ]
    assert looks[0].pixels == 640 * 480
    assert [look.colours for look in looks] == [b"", b"c" * 27]
    assert [look.flat_share for look in looks] == [None, None]


def test_a_grid_is_read_when_it_is_asked_for(world: World) -> None:
    page = seen(world, "page.jpg", 1, b"p" * 16 + b"c" * 27 + b"\xc8grid")
    photo = seen(world, "photo.jpg", 2, b"n" * 16 + b"c" * 27 + b"\x20")
    old = seen(world, "old.jpg", 3, b"n" * 16 + b"c" * 27)
    near = world.ledger.near_duplicates
    looks = near.appearances(world.source, world.spec, world.recipe)
    assert [look.flat_share for look in looks] == [200, 32, None]
    assert [near.detail(row) for row in (page, photo, old)] == [b"\xc8grid", b"\x20", b""]


def test_a_decision_can_be_made_looked_at_and_undone(world: World) -> None:
    big = seen(world, "big.jpg", 1, b"x" * 16)
    small = seen(world, "small.jpg", 2, b"x" * 16)
    world.ledger.near_duplicates.set_represented(world.source, {small: (big, 3)})
    assert list(world.ledger.near_duplicates.represented(world.source)) == [
        ("small.jpg", "big.jpg", 3)
    ]
    by_name = {image.name: image.near_of for image in world.ledger.images.todo(world.source)}
    assert by_name == {"big.jpg": None, "small.jpg": big}
    world.ledger.near_duplicates.set_represented(world.source, {})
    assert list(world.ledger.near_duplicates.represented(world.source)) == []


def test_a_hash_that_was_not_asked_for_at_first_is_added(world: World) -> None:
    assert not world.prepare(prepared(1)).hashed
    world.prepare(prepared(1)._replace(perceptual_hash=b"h" * 16))
    assert world.ledger.database.one("SELECT perceptual FROM contents") == (b"h" * 16,)
