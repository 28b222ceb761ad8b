from __future__ import annotations

from pipeline.core.table_form import Affixes
from pipeline.ledger.quoted import ImageCounts
from pipeline.ledger.unrecorded import ContentRecord
from pipeline.records import KnownImage, SourceFile
from tests.ledger.world import NOW, World, answered, prepared

NONE = Affixes()


def _with_text(world: World, name: str, number: int, text: str) -> tuple[int, bytes]:
    """Image that was read and has a text; its row and source_id."""
    file = SourceFile("", name, "", 10, number, number, existing_text=text, existing_in="sidecar")
    world.ledger.images.upsert(world.folder, [file], 1, NOW)
    image = next(i for i in world.ledger.images.todo(world.source) if i.name == name)
    with world.recording() as recording:
        picture = prepared(number)
        recording.load([picture])
        content = recording.prepared(picture)
        recording.link(image.id, recording.original(picture.source_id), content)
    return image.id, bytes([number]) * 32


def _leave_out(world: World, image: int, source_id: bytes) -> None:
    with world.recording() as recording:
        recording.load([KnownImage(source_id)])
        original = recording.original(source_id)
        assert isinstance(original.prepared, ContentRecord)
        recording.leave_out(image, original, original.prepared)


def test_an_image_left_at_its_text_has_a_caption(world: World) -> None:
    texts = world.ledger.existing_texts
    image, source_id = _with_text(world, "a.jpg", 1, "by hand")
    assert texts.any_unlinked(world.source)
    assert world.ledger.rows.outcomes() == {"pending": 1}
    _leave_out(world, image, source_id)
    assert world.ledger.rows.outcomes() == {"had_caption": 1}
    assert not texts.any_unlinked(world.source)
    assert [row[1:3] for row in texts.left_out(world.source)] == [(512, 384)]
    assert list(world.ledger.quoted.identified(world.source, world.recipe, "all")) == []
    assert world.ledger.quoted.counts(world.source) == ImageCounts(1, 0, 0, 0, 0)
    assert world.ledger.quoted.sizes(world.source, world.recipe) == {}


def test_another_text_is_decided_anew(world: World) -> None:
    image, source_id = _with_text(world, "a.jpg", 1, "by hand")
    _leave_out(world, image, source_id)
    _with_text(world, "a.jpg", 1, "changed by hand")
    (again,) = world.ledger.images.todo(world.source)
    assert (again.existing_text, again.source_id) == ("changed by hand", source_id)


def test_texts_of_files_that_nobody_read(world: World) -> None:
    file = SourceFile("", "a.jpg", "", 10, 1, 1, existing_text="by hand", existing_in="xmp")
    world.ledger.images.upsert(world.folder, [file], 1, NOW)
    assert list(world.ledger.existing_texts.unread(world.source)) == ["by hand"]


def test_what_we_wrote_is_ours_for_its_image_alone(world: World) -> None:
    texts = world.ledger.existing_texts
    _, first = _with_text(world, "a.jpg", 1, "x")
    _, second = _with_text(world, "b.jpg", 2, "y")
    assert not texts.any_written()
    texts.note_written([(first, "tags\na cat"), (b"never read", "a dog")])
    assert texts.any_written()
    for text, ours in (("tags\r\na cat\n", True), ("mine\na cat", True), ("a dog", False)):
        assert texts.is_ours(first, text, NONE) is ours
        assert texts.is_ours(None, text, NONE) is ours
        assert not texts.is_ours(second, text, NONE)


def test_a_caption_of_any_spec_is_ours(world: World) -> None:
    world.image("a.jpg", 1)
    world.image("b.jpg", 2)
    shard, batch = world.submitted()
    answers = [answered(key) for _, key in world.works]
    answers[1] = answered(world.works[1][1], caption="a dog")
    world.ledger.answers.settle(shard, batch, answers, {}, NOW)
    texts, source_id = world.ledger.existing_texts, bytes([1]) * 32
    assert texts.is_ours(source_id, "a cat", NONE)
    assert texts.is_ours(source_id, "sks, a cat\n", Affixes("sks, "))
    assert not texts.is_ours(source_id, "a dog", NONE)
    assert texts.is_ours(None, "a dog", NONE)


def test_whoever_was_represented_by_one_that_is_left_out_goes_itself(world: World) -> None:
    first = world.image("a.jpg", 1)
    second = world.image("b.jpg", 2)
    work = world.works[0][0]
    content = world.ledger.works.prepared_as(bytes([1]) * 32, world.recipe)
    world.ledger.database.execute(
        "UPDATE images SET near_of = ?, work = ? WHERE id = ?",
        (content.row, work, second),  # type: ignore[union-attr]
    )
    texts = world.ledger.existing_texts
    texts.free_represented(world.source)
    assert list(world.ledger.images.todo(world.source)) == []
    _leave_out(world, first, bytes([1]) * 32)
    texts.free_represented(world.source)
    assert [image.id for image in world.ledger.images.todo(world.source)] == [second]
