"""Pictures that the last version prepared wrongly, met again in the stages."""

from __future__ import annotations

import pytest

from pipeline.ledger.recording import Recording
from pipeline.ledger.works import Content
from pipeline.records import KnownImage, PreparedImage, RejectedImage, Rejection
from pipeline.stages.stale import checked_again, content_to_send
from tests.ledger.world import prepared
from tests.stages.scene import Scene

SOURCE = bytes([1]) * 32
THIN = Rejection("too_thin", "thin")


@pytest.fixture
def doubted(scene: Scene) -> Scene:
    """One preparation of the last version: a JPEG, sent as the prepared content 1."""
    task, ledger = scene.task((scene.ledger.images.source("folder", "/i", "i"),)), scene.ledger
    recording = Recording(ledger.database, task.recipe, task.spec)
    content = recording.prepared(prepared(1))
    recording.save()
    ledger.database.execute(
        "INSERT INTO rechecks (original, recipe, former) VALUES (1, ?, ?)",
        (task.recipe.row, content.row),
    )
    return scene


def again(number: int, *flags: str) -> PreparedImage:
    image = prepared(number, 1)
    return PreparedImage(
        SOURCE, image.content_id, "JPEG", 640, 480, 512, 384, "image/jpeg", b"", flags
    )


def test_the_same_bytes_are_right_whatever_flags_they_have(doubted: Scene) -> None:
    task = doubted.task((1,))
    checked_again(doubted.ledger, task, again(1, "blank"))
    assert not doubted.ledger.rechecks.due(task.recipe)
    assert not doubted.ledger.rechecks.any_stale()


def test_other_bytes_by_the_same_rules_are_another_encoders(doubted: Scene) -> None:
    task = doubted.task((1,))
    checked_again(doubted.ledger, task, again(2))
    assert not doubted.ledger.rechecks.due(task.recipe)
    assert not doubted.ledger.rechecks.any_stale()


def test_other_bytes_by_a_new_rule_are_stale_and_sent_where_nothing_was_paid(
    doubted: Scene,
) -> None:
    task, ledger = doubted.task((1,)), doubted.ledger
    image = again(2, "hdr_converted")
    assert checked_again(ledger, task, image) is image
    assert ledger.rechecks.any_stale()
    former = ledger.works.prepared_as(SOURCE, task.recipe)
    assert isinstance(former, Content)
    today = content_to_send(ledger, task, SOURCE, former.content_id, "p")
    assert isinstance(today, Content)
    assert today.content_id == image.content_id
    assert content_to_send(ledger, task, bytes(32), former.content_id, "p") is None


def test_what_is_refused_only_by_now_keeps_what_was_paid_for(doubted: Scene) -> None:
    task, ledger = doubted.task((1,)), doubted.ledger
    settled = checked_again(ledger, task, RejectedImage(SOURCE, THIN, "JPEG"))
    assert settled == KnownImage(SOURCE)
    former = ledger.works.prepared_as(SOURCE, task.recipe)
    assert isinstance(former, Content)
    assert content_to_send(ledger, task, SOURCE, former.content_id, "p") == THIN


def test_nothing_in_doubt_is_left_as_it_is(doubted: Scene) -> None:
    task, refused = doubted.task((1,)), RejectedImage(bytes(32), THIN)
    assert checked_again(doubted.ledger, task, refused) is refused
    assert checked_again(doubted.ledger, task, KnownImage(SOURCE)) == KnownImage(SOURCE)
    assert doubted.ledger.rechecks.due(task.recipe)
