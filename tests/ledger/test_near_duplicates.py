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
    assert [look.hash for look in looks] == [b"p" * 16, b"n" * 16]
    assert looks.fixed == 1
    assert [look.colours for look in looks] == [b"", b"c" * 27]
    assert [look.flat_share for look in looks] == [None, None]


def test_a_grid_is_read_when_it_is_asked_for(world: World) -> None:
    page = seen(world, "page.jpg", 1, b"p" * 16 + b"c" * 27 + b"\xc8grid")
    photo = seen(world, "photo.jpg", 2, b"n" * 16 + b"c" * 27 + b"\x20")
    old = seen(world, "old.jpg", 3, b"n" * 16 + b"c" * 27)
    near = world.ledger.near_duplicates
    looks = near.appearances(world.source, world.spec, world.recipe)
    flat = {row: look.flat_share for row, look in zip(looks.rows, looks, strict=True)}
    assert flat == {page: 200, photo: 32, old: None}
    assert [near.detail(row) for row in (page, photo, old)] == [b"\xc8grid", b"\x20", b""]


def test_a_decision_can_be_made_looked_at_and_undone(world: World) -> None:
    big = seen(world, "big.jpg", 1, b"x" * 16)
    small = seen(world, "small.jpg", 2, b"x" * 16)
    assert world.ledger.near_duplicates.set_represented(world.source, [(small, big, 3)]) == 1
    assert list(world.ledger.near_duplicates.represented(world.source)) == [
        ("small.jpg", "big.jpg", 3)
    ]
    by_name = {image.name: image.near_of for image in world.ledger.images.todo(world.source)}
    assert by_name == {"big.jpg": None, "small.jpg": big}
    world.ledger.near_duplicates.set_represented(world.source, ())
    assert list(world.ledger.near_duplicates.represented(world.source)) == []


def test_a_hash_that_was_not_asked_for_at_first_is_added(world: World) -> None:
    assert not world.prepare(prepared(1)).hashed
    world.prepare(prepared(1)._replace(perceptual_hash=b"h" * 16))
    assert world.ledger.database.one("SELECT perceptual FROM contents") == (b"h" * 16,)


def test_appearances_come_in_the_order_in_which_they_stand_for_others(world: World) -> None:
    """Paid for, large, sharp, and then by their hashes."""
    names = ("dull", "sharp", "b", "a", "large", "paid")
    rows = {
        name: seen(
            world, f"{name}.jpg", n, (name[0] * 16).encode(), sharpness=9 * (name == "sharp")
        )
        for n, name in enumerate(names, 1)
    }
    world.image("paid.jpg", 6)
    world.ledger.database.execute(
        "UPDATE originals SET width = 2 * width WHERE id = "
        "(SELECT original FROM preparations WHERE content = ?)",
        (rows["large"],),
    )
    looks = world.ledger.near_duplicates.appearances(world.source, world.spec, world.recipe)
    ordered = ("paid", "large", "sharp", "a", "b", "dull")
    assert looks.rows.tolist() == [rows[name] for name in ordered]
