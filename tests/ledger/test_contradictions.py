"""What the ledger may not say, each statement against a ledger that says it."""

from __future__ import annotations

import pytest

from pipeline.ledger.contradictions import CONTRADICTIONS
from tests.ledger.world import World


def named(world: World) -> set[str]:
    return {words for words, sql in CONTRADICTIONS if world.ledger.database.number(sql)}


@pytest.fixture
def settled(world: World) -> World:
    world.settle_two()
    assert named(world) == set()
    return world


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("UPDATE shards SET spec = 2", "shards whose requests are of another spec"),
        ("UPDATE items SET worst = 9 WHERE id = 1",
         "shards that cost another amount than their requests"),
        ("UPDATE shards SET prompt_tokens = 9",
         "shards with another number of tokens than their requests"),
        ("UPDATE works SET answer = 3 - answer", "images that show the answer to another image"),
        ("UPDATE works SET reason = 'x' WHERE id = 1",
         "images that show another reason than their answers"),
        ("UPDATE works SET estimated = 9 WHERE id = 1",
         "images whose estimate is not that of their request"),
        ("UPDATE works SET attempts = 2 WHERE id = 1",
         "images with more attempts than their requests"),
        ("UPDATE images SET near_of = content, content = 3 - content WHERE id = 1; "
         "UPDATE images SET near_of = 2 WHERE id = 1",
         "images whose likeness is not the one that was sent"),
        ("UPDATE works SET outcome = NULL WHERE id = 1", "images that are done without an outcome"),
        ("UPDATE images SET content = 2 WHERE id = 1",
         "images whose pictures are not those of their requests"),
        ("UPDATE works SET state = 'live' WHERE id = 1",
         "images under way that are in no shard"),
        ("UPDATE items SET live = 1 WHERE id = 1",
         "settled shards whose requests are still under way"),
    ],
)  # fmt: skip
def test_a_contradiction_is_named(settled: World, sql: str, words: str) -> None:
    settled.ledger.database.execute("PRAGMA foreign_keys = OFF")
    for statement in sql.split("; "):
        settled.ledger.database.execute(statement)
    assert words in named(settled)
