"""What the ledger may not say, each statement against a ledger that says it."""

from __future__ import annotations

import pytest

from pipeline.ledger.contradictions import CONTRADICTIONS
from tests.ledger.world import World

OPEN = "UPDATE reservations SET state = 'open', settled = NULL, closed_at = NULL"


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
        ("UPDATE items SET live = 1 WHERE id = 1; UPDATE works SET state = 'pending' WHERE id = 1",
         "requests in a shard whose images are not under way"),
        ("UPDATE works SET answer = NULL WHERE id = 1", "outcomes without an answer"),
        ("UPDATE works SET outcome = 'refused' WHERE id = 1", "outcomes without an answer"),
        ("DELETE FROM batches; UPDATE shards SET state = 'SUBMITTED'",
         "shards at the service without a batch"),
        ("DELETE FROM batches; UPDATE shards SET state = 'DOWNLOADED'",
         "shards at the service without a batch"),
        ("UPDATE reservations SET generation = 2", "batches without a reservation"),
        ("UPDATE batches SET role = 'stray'", "batches without a reservation"),
        (f"{OPEN}",
         "settled batches whose reservations are still open"),
        (f"{OPEN}, reserved = reserved + 1",
         "open reservations of another amount than their shards may cost"),
        ("UPDATE reservations SET month = '2001-01'",
         "reservations that count to another day or month than theirs"),
        ("UPDATE reservations SET day = date(day, '+1 day')",
         "reservations that count to another day or month than theirs"),
        ("UPDATE works SET attempts = 0", "images with fewer attempts than their answers"),
        ("UPDATE answers SET attempt = 2 WHERE id = 1; INSERT INTO answers (work, attempt, batch, "
         "outcome, received_at) VALUES (1, 1, 1, 'captioned', 5)",
         "images with fewer attempts than their answers"),
        ("UPDATE answers SET attempt = 0 WHERE id = 1",
         "answers with an attempt or rules of reading that cannot be"),
        ("UPDATE answers SET rules = 0 WHERE id = 1",
         "answers with an attempt or rules of reading that cannot be"),
    ],
)  # fmt: skip
def test_a_contradiction_is_named(settled: World, sql: str, words: str) -> None:
    settled.ledger.database.execute("PRAGMA foreign_keys = OFF")
    for statement in sql.split("; "):
        settled.ledger.database.execute(statement)
    assert words in named(settled)


@pytest.mark.parametrize(
    "sql",
    [
        f"{OPEN}, reserved = 1; UPDATE batches SET state = 'open', "
        "role = 'file'; UPDATE reservations SET generation = -1",
        f"{OPEN}, reserved = 1; UPDATE batches SET state = 'open'; "
        "UPDATE shards SET state = 'WRITTEN'",
        "UPDATE images SET near_of = 2, todo = 1 WHERE id = 1",
        "UPDATE images SET near_of = content WHERE id = 1",
        "UPDATE images SET content = 2, todo = 1 WHERE id = 1",
        "UPDATE images SET content = 2 WHERE id = 1; INSERT INTO rechecks (original, recipe, "
        "former, kind, content, flags) SELECT original, 1, 1, 'x', 2, '' FROM images WHERE id = 1",
        "UPDATE works SET attempts = 0; UPDATE answers SET outcome = 'failed'; "
        "UPDATE works SET outcome = 'failed'",
        "UPDATE items SET attempt = 2 WHERE id = 1; UPDATE works SET estimated = 9, attempts = 1 "
        "WHERE id = 1",
        "UPDATE items SET estimated = NULL WHERE id = 1; UPDATE works SET estimated = 9 "
        "WHERE id = 1",
        "UPDATE shards SET spec = NULL, worst = 9, prompt_tokens = 9",
        "UPDATE shards SET state = 'DISSOLVED', worst = 9, prompt_tokens = 9",
    ],
)
def test_what_may_be_is_no_contradiction(settled: World, sql: str) -> None:
    settled.ledger.database.execute("PRAGMA foreign_keys = OFF")
    for statement in sql.split("; "):
        settled.ledger.database.execute(statement)
    assert named(settled) == set()
