from __future__ import annotations

import pytest

from pipeline.ledger import recording as module
from pipeline.ledger.integrity import integrity
from pipeline.ledger.recording import Recording
from pipeline.ledger.works import Content
from pipeline.records import RejectedImage, Rejection
from tests.ledger.world import World, prepared


def size_of(world: World) -> object:
    return world.ledger.database.one("SELECT format, width, height FROM originals")


def test_the_first_content_of_a_file_is_kept_whatever_a_newer_encoder_makes(world: World) -> None:
    first = world.prepare(prepared(1))
    newer = world.prepare(prepared(9, source=1))
    known = world.ledger.works.prepared_as(bytes([1]) * 32, world.recipe)
    assert isinstance(known, Content)
    assert newer.row == first.row == known.row
    assert known.content_id == bytes([1]) * 32
    assert world.ledger.database.number("SELECT COUNT(*) FROM contents") == 1


def test_files_that_differ_only_in_metadata_share_a_content(world: World) -> None:
    assert world.prepare(prepared(1, source=1)).row == world.prepare(prepared(1, source=2)).row
    with world.recording() as recording:  # also when they come together
        both = [recording.prepared(prepared(3, source=source)) for source in (3, 4)]
    assert both[0] is both[1]


def test_a_rejection_is_known_for_these_bytes(world: World) -> None:
    prepared_as = world.ledger.works.prepared_as
    world.refuse(RejectedImage(bytes(32), Rejection("truncated", "half a file")))
    assert prepared_as(bytes(32), world.recipe) == Rejection("truncated", "half a file")
    wider = world.ledger.specs.recipe({"long_side": 512}, {"max_pixels": 2})
    assert wider.row == world.recipe.row
    assert prepared_as(bytes(32), wider) is None  # other caps may let it in
    world.refuse(RejectedImage(None, Rejection("unreadable", "x")))
    assert world.ledger.database.number("SELECT COUNT(*) FROM originals") == 1


def test_what_was_refused_before_its_size_was_known_learns_it(world: World) -> None:
    """As a file whose decoder was installed only later."""
    image = prepared(1)
    refused = RejectedImage(image.source_id, Rejection("unsupported_format", "x"), "RAW")
    world.refuse(refused)
    assert size_of(world) == ("RAW", None, None)
    world.refuse(refused)
    content = world.prepare(image)
    assert size_of(world) == (image.source_format, image.source_width, image.source_height)
    assert world.prepare(prepared(9, source=1)).row == content.row
    world.refuse(refused)
    assert size_of(world) == (image.source_format, image.source_width, image.source_height)
    known = world.ledger.works.prepared_as(image.source_id, world.recipe)
    assert isinstance(known, Content)


def test_the_first_content_is_kept_when_the_size_is_learned_later(world: World) -> None:
    first = world.prepare(prepared(1))
    world.ledger.database.execute("UPDATE originals SET width = NULL")  # as older ledgers have it
    assert world.prepare(prepared(9, source=1)).row == first.row
    assert size_of(world) == ("JPEG", 640, 480)


def test_a_work_exists_once_and_an_adopted_one_learns_its_content(world: World) -> None:
    image = world.image("a.jpg", 1)
    world.ledger.database.execute("INSERT INTO works (work_key, state) VALUES (?, 'live')", (b"k",))
    with world.recording() as recording:
        recording.load([prepared(1)])
        recording.load_works([b"k"])
        adopted = recording.work(b"k", recording.prepared(prepared(1)), image)
        assert recording.work(b"k", recording.prepared(prepared(1)), None) is adopted
    assert adopted.state == "live"
    assert world.ledger.database.one(
        "SELECT content, spec, representative, state FROM works WHERE work_key = ?", (b"k",)
    ) == (1, world.spec, image, "live")


def test_a_passing_cause_is_looked_at_again(world: World) -> None:
    image = world.image("a.jpg", 1)
    world.reject(image, Rejection("unreadable", "no permission"), passing=True)
    assert [i.id for i in world.ledger.images.todo(world.source)] == [image]
    assert world.ledger.rows.outcomes() == {"rejected": 1}
    world.reject(image, Rejection("truncated", "half"), passing=False)
    assert list(world.ledger.images.todo(world.source)) == []


def test_nothing_waits_once_it_is_saved(world: World) -> None:
    image = world.image("a.jpg", 1)
    recording = Recording(world.ledger.database, world.recipe, world.spec)
    recording.reject(image, bytes(32), Rejection("timeout", "60 seconds"), passing=False)
    assert len(recording) == 1
    recording.save()
    assert len(recording) == 0
    assert world.ledger.database.number("SELECT original FROM images") == 2


def test_more_keys_than_a_statement_asks_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_KEYS", 2)
    for number in range(1, 6):
        world.prepare(prepared(number))
    with world.recording() as recording:
        recording.load(prepared(number) for number in range(1, 8))
        contents = [recording.prepared(prepared(number)) for number in range(1, 8)]
        assert [content.row for content in contents] == [1, 2, 3, 4, 5, 0, 0]
    assert [content.row for content in contents] == [1, 2, 3, 4, 5, 6, 7]


def test_what_is_recorded_is_sound_though_nobody_looks_its_references_up(world: World) -> None:
    database = world.ledger.database
    image = world.image("a.jpg", 1)
    recording = Recording(database, world.recipe, world.spec)
    recording.load([prepared(1)])
    content = recording.prepared(prepared(1))
    work = recording.work(b"k", content, image)
    recording.link(image, recording.original(prepared(1).source_id), content, work)
    with recording.transaction("link"):
        assert not database.number("PRAGMA foreign_keys")
        recording.save()
    assert database.number("PRAGMA foreign_keys")
    assert integrity(database) == []
