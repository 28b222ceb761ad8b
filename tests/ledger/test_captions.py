from __future__ import annotations

from pipeline.ledger.captions import Captions
from tests.ledger.world import NOW, World, answered


def test_captioned_files_and_their_duplicates_by_path(world: World) -> None:
    world.image("a.jpg", 1)
    world.image("copy of a.jpg", 1)
    world.image("b.jpg", 2)
    shard, batch = world.submitted()
    first, second = (key for _, key in world.works)
    answers = [answered(first), answered(second, outcome="refused", caption=None)]
    world.ledger.answers.settle(shard, batch, answers, {}, NOW)
    found = list(Captions(world.ledger.database).of_files())
    assert found == [("/imgs/a.jpg", "a cat"), ("/imgs/copy of a.jpg", "a cat")]
