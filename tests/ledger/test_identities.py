"""Identities that are not the hashes of what they should be."""

from __future__ import annotations

import json

import pytest

from pipeline.ledger.identities import wrong_identities
from tests.ledger.world import SPEC, World


@pytest.fixture
def known(world: World) -> World:
    world.image("a.jpg", 1)
    world.image("b.jpg", 2)
    assert wrong(world) == []
    return world


def wrong(world: World) -> list[str]:
    return [text.partition(" that ")[0] for text in wrong_identities(world.ledger.database)]


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("UPDATE specs SET spec_id = x'00'", "specs"),
        ("UPDATE specs SET model = 'other'", "specs"),
        ("UPDATE specs SET provider = 'other'", "specs"),
        ("UPDATE specs SET canonical = '['", "specs"),
        ("UPDATE recipes SET recipe_id = x'00'", "recipes"),
        ("UPDATE recipes SET canonical = '[]'", "recipes"),
        ("UPDATE contents SET content_id = zeroblob(32) WHERE id = 1", "requests"),
        ("UPDATE works SET work_key = zeroblob(32) WHERE id = 2", "requests"),
        ("UPDATE works SET content = 3 - content", "requests"),
    ],
)
def test_what_is_not_its_hash_is_named(known: World, sql: str, what: str) -> None:
    known.ledger.database.execute(sql)
    assert what in wrong(known)


def test_one_image_of_several_that_has_the_prompt_is_enough(known: World) -> None:
    """A prompt of columns: one that is not there, or differs, proves nothing about a work that
    another image shows."""
    execute = known.ledger.database.execute
    execute("UPDATE images SET work = 1 WHERE id = 2")
    assert wrong(known) == []
    template = json.dumps({**SPEC, "template": "{title}"})
    execute("UPDATE specs SET canonical = ?", (template,))
    assert wrong(known) == ["specs"]  # no image has that column
    execute("UPDATE images SET columns = ? WHERE id = 2", (json.dumps({"title": "prompt x"}),))
    assert wrong(known) == ["specs"]
    execute("UPDATE images SET columns = ?", (json.dumps({"title": "prompt x"}),))
    assert wrong(known) == ["specs", "requests"]
