from __future__ import annotations

import pytest

from pipeline.ledger.schema import MIGRATIONS
from pipeline.ledger.works import Content
from pipeline.records import Rejection
from tests.ledger.world import World, prepared

FILL = next(sql for steps in MIGRATIONS for sql in steps if "INSERT INTO rechecks" in sql)


@pytest.fixture
def upgraded(world: World) -> World:
    """A ledger with three preparations from before the migration, two of one content."""
    world.image("a.png", 1)
    world.image("b.png", 1, source=2)
    world.image("c.png", 3)
    world.ledger.database.execute(FILL)
    world.ledger.database.execute("UPDATE works SET estimated = 700, state = 'done'")
    return world


def fresh(world: World, number: int) -> Content:
    return world.ledger.works.record_content(prepared(number))


def test_every_preparation_of_the_last_version_is_in_doubt_once(upgraded: World) -> None:
    rechecks, recipe = upgraded.ledger.rechecks, upgraded.recipe
    assert rechecks.due(recipe)
    assert [one.original for one in rechecks.all(recipe)] == [1, 2, 3]
    assert rechecks.count_unchecked(upgraded.source, recipe) == 3
    seen = list(rechecks.unchecked(upgraded.source, recipe))
    assert [one.image.name for one in seen] == ["a.png", "b.png", "c.png"]
    first = seen[0]
    assert (first.format, first.source, first.sent) == ("JPEG", (640, 480), (512, 384))
    assert first.content_id == bytes([1]) * 32
    assert rechecks.of(bytes([2]) * 32, recipe) is not None
    rechecks.mark_right([1, 2, 3], recipe)
    assert not rechecks.due(recipe)
    assert rechecks.of(bytes([2]) * 32, recipe) is None


def test_what_is_wrong_is_counted_and_priced_as_it_will_be_sent(upgraded: World) -> None:
    rechecks, recipe = upgraded.ledger.rechecks, upgraded.recipe
    rechecks.mark_wrong(1, recipe, "palette", fresh(upgraded, 7), ("palette_exceeded",))
    rechecks.mark_wrong(2, recipe, "palette", fresh(upgraded, 8))
    rechecks.mark_wrong(3, recipe, "truncated", Rejection("truncated", "half"))
    stale = rechecks.summary(upgraded.source)
    assert (stale.images, stale.requests, stale.expected) == (3, 2, 1400)
    assert stale.kinds == {"palette": 2, "truncated": 1}
    assert rechecks.summary() == stale
    assert rechecks.summary(99).images == 0
    assert stale.sentence() == (
        "3 images that version 0.1.0 prepared wrongly (palette 2, truncated 1): 'captionmill retry "
        "--outcome stale' lets them go again, 2 requests, about $0.0000014"
    )
    assert rechecks.any_stale()
    assert rechecks.today(bytes([1]) * 32, recipe) == fresh(upgraded, 7)
    assert rechecks.today(bytes([3]) * 32, recipe) == Rejection("truncated", "half")
    assert [row[0][0] for row in rechecks.to_send(upgraded.source, recipe)] == [7, 8]


def test_what_is_let_go_is_prepared_by_todays_rules(upgraded: World) -> None:
    ledger, recipe = upgraded.ledger, upgraded.recipe
    ledger.rechecks.mark_wrong(1, recipe, "palette", fresh(upgraded, 7), ("palette_exceeded",))
    ledger.rechecks.mark_wrong(3, recipe, "truncated", Rejection("truncated", "half"))
    assert ledger.rechecks.let_go() == 2
    assert [image.name for image in ledger.images.todo(upgraded.source)] == ["a.png", "c.png"]
    assert ledger.works.prepared_as(bytes([1]) * 32, recipe) == fresh(upgraded, 7)
    assert ledger.works.prepared_as(bytes([2]) * 32, recipe) == fresh(upgraded, 1)
    assert ledger.works.prepared_as(bytes([3]) * 32, recipe) == Rejection("truncated", "half")
    assert (ledger.rechecks.summary().images, ledger.rechecks.let_go()) == (0, 0)


def test_without_an_estimate_the_price_is_unknown(upgraded: World) -> None:
    upgraded.ledger.database.execute("UPDATE works SET estimated = NULL")
    upgraded.ledger.rechecks.mark_wrong(1, upgraded.recipe, "palette", fresh(upgraded, 7))
    assert upgraded.ledger.rechecks.summary().sentence().endswith("1 request, price unknown")
    assert upgraded.ledger.rechecks.summary(99).sentence() == ""
