from __future__ import annotations

from pipeline.ledger.captions import Captions
from pipeline.ledger.table_stretch import Part
from tests.ledger.world import NOW, World, answered


def test_captioned_files_and_their_duplicates_by_path(world: World) -> None:
    world.image("a.jpg", 1)
    world.image("copy of a.jpg", 1)
    world.image("b.jpg", 2)
    shard, batch = world.submitted()
    first, second = (key for _, key in world.works)
    answers = [answered(first), answered(second, outcome="refused", caption=None)]
    world.ledger.answers.settle(shard, batch, answers, {}, NOW)
    found = list(Captions(world.ledger.database).file_captions(Part("WHERE 1", ())))
    assert [file[:2] for file in found] == [
        ("/imgs/a.jpg", "a cat"),
        ("/imgs/b.jpg", None),
        ("/imgs/copy of a.jpg", "a cat"),
    ]


def test_an_image_at_an_address_is_no_file(world: World) -> None:
    world.image("a.jpg", 1)
    world.image("b.jpg", 2)
    shard, batch = world.submitted()
    answers = [answered(key) for _, key in world.works]
    world.ledger.answers.settle(shard, batch, answers, {}, NOW)
    for name, location in (("a.jpg", "https://example.org/a.jpg"), ("b.jpg", "/far/b.jpg")):
        world.ledger.database.execute(
            "UPDATE images SET location = ? WHERE name = ?", (location, name)
        )
    found = list(Captions(world.ledger.database).file_captions(Part("WHERE 1", ())))
    assert found == [("/far/b.jpg", "a cat", bytes([2]) * 32, {})]
