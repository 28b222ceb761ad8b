from __future__ import annotations

from pipeline.ledger.samples import SampleAnswer, Samples
from pipeline.records import SourceFile, Usage
from tests.ledger.world import NOW, World, answered


def test_images_by_position_in_the_order_of_folder_and_size(world: World) -> None:
    images = world.ledger.images
    other, _ = images.folder(world.source, "z")
    for folder, name, size in ((other, "a", 1), (world.folder, "b", 30), (world.folder, "c", 20)):
        images.upsert(folder, [SourceFile("", name, f"/{name}", size, 1, size)], 1, NOW)
    bad = SourceFile("", "d", "/d", 5, 1, 9, problem="missing_file", detail="gone")
    images.upsert(world.folder, [bad], 1, NOW)
    samples = Samples(world.ledger.database)
    assert samples.usable(world.source) == 3
    assert [image.path for image in samples.at(world.source, [0, 1, 2])] == ["c", "b", "z/a"]
    assert [image.path for image in samples.at(world.source, [2])] == ["z/a"]
    assert samples.at(world.source, []) == []


def test_an_answer_with_the_sums_of_its_attempts(world: World) -> None:
    world.image("a.jpg", 1)
    samples = Samples(world.ledger.database)
    key = world.works[0][1]
    assert samples.answer(key) == samples.answer(b"unknown") == SampleAnswer("pending")
    shard, batch = world.submitted()
    world.ledger.answers.settle(shard, batch, [answered(key, 400)], {}, NOW)
    found = samples.answer(key)
    assert (found.outcome, found.caption, found.billed) == ("captioned", "a cat", 400)
    assert found.usage == Usage(120, 0, 0, 20, 0)


def test_an_answer_without_a_price_has_no_cost(world: World) -> None:
    world.image("a.jpg", 1)
    shard, batch = world.submitted()
    key = world.works[0][1]
    world.ledger.answers.settle(shard, batch, [answered(key, None)], {}, NOW)
    assert Samples(world.ledger.database).answer(key).billed is None
