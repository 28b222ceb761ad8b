from __future__ import annotations

from pipeline.core.reasons import WAITING_DOWNLOADS
from pipeline.ledger import Ledger
from pipeline.ledger.specs import SpecText
from pipeline.records import SourceFile
from tests.ledger.world import NOW, World


def test_nothing_is_due_before_it_is_noted(world: World) -> None:
    world.image("a.jpg", 1)
    assert world.ledger.due.outcomes() == {}


def test_images_to_prepare_are_due_with_their_source_only(world: World) -> None:
    file = SourceFile("", "a.jpg", "/imgs/a.jpg", 10, 1, 1)
    world.ledger.images.upsert(world.folder, [file], 1, NOW)
    world.ledger.due.note()
    assert world.ledger.due.outcomes() == {}
    world.ledger.due.note(world.source)
    assert world.ledger.due.outcomes(world.source) == {"pending": 1}
    assert world.ledger.due.outcomes(world.source + 1) == {}


def test_images_whose_answers_are_awaited_are_due_in_every_command(world: World) -> None:
    world.image("a.jpg", 1)
    world.ledger.due.note()
    assert world.ledger.due.outcomes() == {"pending": 1}


def test_what_leaves_its_source_without_a_caption_has_vanished(world: World) -> None:
    world.image("a.jpg", 1)
    world.ledger.due.note(world.source)
    world.ledger.database.execute("UPDATE images SET present = 0")
    assert world.ledger.due.outcomes() == {"vanished": 1}


def test_images_that_are_gone_or_done_are_not_due(world: World) -> None:
    for number in range(1, 4):
        world.image(f"{number}.jpg", number)
    database = world.ledger.database
    database.execute("UPDATE works SET state = 'done' WHERE id = 1")
    database.execute("UPDATE images SET todo = 1 WHERE id = 2")
    database.execute("UPDATE images SET present = 0 WHERE id IN (2, 3)")
    world.ledger.due.note(world.source)
    assert world.ledger.due.outcomes() == {}


def test_what_other_limits_refuse_again_was_not_due(world: World) -> None:
    images, database = world.ledger.images, world.ledger.database
    for number in range(1, 4):
        world.image(f"{number}.jpg", number)
    database.execute("UPDATE works SET state = 'done', outcome = 'captioned'")
    refuse = "UPDATE images SET todo = 0, work = NULL, reject_code = 'truncated' WHERE id IN "
    database.execute(f"{refuse} (1, 2)")
    assert images.use_spec(world.source, world.spec, b"b" * 32)
    world.ledger.due.note(world.source)
    assert world.ledger.due.outcomes() == {"pending": 2}
    database.execute(f"{refuse} (1)")
    assert world.ledger.due.outcomes(world.source) == {"pending": 1}
    database.execute(f"{refuse} (1, 2)")
    assert world.ledger.due.outcomes() == {}


def test_what_was_refused_before_stays_known_after_a_kill(world: World) -> None:
    images, ledger = world.ledger.images, world.ledger
    for number in range(1, 4):
        world.image(f"{number}.jpg", number)
    refuse = "UPDATE images SET todo = 0, work = NULL, reject_code = 'truncated'"
    ledger.database.execute(refuse)
    assert images.use_spec(world.source, world.spec, b"b" * 32)
    ledger.database.execute(f"{refuse} WHERE id = 1")
    assert images.use_spec(world.source, world.spec, b"c" * 32), "killed, and other limits again"
    ledger.database.execute("UPDATE images SET original = NULL WHERE id = 3")  # another file
    assert not images.use_spec(world.source, world.spec, b"c" * 32)
    with Ledger(ledger.database.path) as next_run:
        next_run.due.note(world.source)
        next_run.database.execute(refuse)
        assert next_run.due.outcomes() == {"rejected": 1}


def test_what_was_refused_again_is_due_with_its_next_file(world: World) -> None:
    world.image("a.jpg", 1)
    refuse = "UPDATE images SET todo = 0, work = NULL, reject_code = 'truncated'"
    world.ledger.database.execute(refuse)
    assert world.ledger.images.use_spec(world.source, world.spec, b"b" * 32)
    world.ledger.database.execute(refuse)
    world.ledger.database.execute("UPDATE images SET todo = 1, reject_code = NULL, original = NULL")
    world.ledger.due.note(world.source)
    world.ledger.database.execute(refuse)
    assert world.ledger.due.outcomes() == {"rejected": 1}


def test_a_download_that_other_limits_try_again_is_due(world: World) -> None:
    for number in (1, 2):
        world.image(f"{number}.jpg", number)
    waits = f"UPDATE images SET todo = 0, work = NULL, reject_code = '{WAITING_DOWNLOADS[0]}'"
    world.ledger.database.execute(f"{waits} WHERE id = 1")
    world.ledger.database.execute("UPDATE images SET reject_code = 'truncated' WHERE id = 2")
    assert world.ledger.images.use_spec(world.source, world.spec, b"b" * 32)
    world.ledger.due.note(world.source)
    world.ledger.database.execute(waits)
    assert world.ledger.due.outcomes() == {"pending": 2}


def test_what_another_spec_refuses_was_due(world: World) -> None:
    world.image("a.jpg", 1)
    world.ledger.database.execute("UPDATE images SET todo = 0, reject_code = 'truncated'")
    assert world.ledger.images.use_spec(world.source, world.spec, b"b" * 32)
    other = world.ledger.specs.spec({"prompt": "new"}, SpecText("openai", "", "m", "/v1/x"), NOW)
    assert world.ledger.images.use_spec(world.source, other, b"b" * 32)
    world.ledger.due.note(world.source)
    world.ledger.database.execute("UPDATE images SET todo = 0, reject_code = 'truncated'")
    assert world.ledger.due.outcomes() == {"rejected": 1}
