"""Rows that are read the short way are those of `COLUMNS`, whatever is odd about them."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from itertools import combinations

from pipeline.core.retry import DEFAULT_RULES
from pipeline.ledger.rows import _ALL, _SEVERAL, COLUMNS
from tests.ledger.world import NOW, World, answered

_SELECT = ", ".join(f"{sql} AS {name}" for name, sql in COLUMNS.items())
_LONG = (
    f"{_SEVERAL.format(among='')} SELECT {_SELECT} {_ALL} LEFT JOIN several m ON m.work = w.id "
    "ORDER BY s.id, f.path, i.name, i.occurrence"
)
_ODDITIES = (
    "UPDATE images SET present = 0 WHERE id = 1",
    "UPDATE images SET occurrence = 2 WHERE id = 1",
    "UPDATE images SET location = 'https://x.example/a.jpg' WHERE id = 1",
    "UPDATE images SET location = '' WHERE id = 1",
    "UPDATE images SET flags = 'gone_at_source' WHERE id = 1",
    "UPDATE images SET reject_code = 'truncated', reject_detail = 'half a ''file\"' WHERE id = 1",
    "UPDATE images SET reject_detail = 'a detail alone' WHERE id = 1",
    "UPDATE images SET work = NULL WHERE id = 1",
    "UPDATE images SET work = NULL, existing_text = 'a text', existing_in = 'x', todo = 0",
    "UPDATE images SET original = NULL, content = NULL WHERE id = 1",
    "UPDATE images SET near_of = 1, near_distance = 3 WHERE id = 2",
    'UPDATE images SET columns = \'{"title": "x"}\'',
    "UPDATE works SET reason = 'why not' WHERE id = 1",
    "UPDATE works SET attempts = 3 WHERE id = 1",
    "UPDATE works SET outcome = 'refused' WHERE id = 1",
    "UPDATE works SET outcome = NULL, answer = NULL, state = 'pending' WHERE id = 1",
    "UPDATE works SET state = 'live' WHERE id = 1",
    "UPDATE works SET representative = NULL WHERE id = 1",
    "UPDATE works SET representative = 2 WHERE id = 1",
    "UPDATE works SET estimated = NULL",
    "UPDATE works SET spec = NULL WHERE id = 1",
    "UPDATE answers SET billed = NULL WHERE id = 1",
    "UPDATE answers SET service_cost = 17 WHERE id = 1",
    "UPDATE answers SET prompt_tokens = NULL WHERE id = 1",
    "UPDATE answers SET flags = 'thoughts_removed' WHERE id = 1",
    "UPDATE answers SET caption = NULL, fields = '{\"a\": 1}' WHERE id = 1",
    "UPDATE answers SET code = 'odd', outcome = 'refused' WHERE id = 1",
    "INSERT INTO answers (work, attempt, batch, outcome, billed, received_at) "
    "VALUES (1, 2, 1, 'failed', 9223372036854775, 5)",
    "UPDATE sources SET kind = 'manifest'",
    "UPDATE sources SET kind = 'bucket', locator = 's3://bucket/' WHERE id = 1",
    "UPDATE sources SET kind = 'file', locator = '/imgs/a.jpg' WHERE id = 1",
    "UPDATE preparations SET flags = 'first_frame' WHERE original = 1",
    "INSERT INTO rechecks (original, recipe, former, kind, content, flags) "
    "SELECT 1, recipe, 1, 'x', 2, 'turned' FROM preparations LIMIT 1",
    "INSERT INTO rechecks (original, recipe, former, kind, content, flags) "
    "SELECT 1, recipe, 2, 'x', 1, 'turned' FROM preparations LIMIT 1",
    "DELETE FROM preparations WHERE original = 1",
    "UPDATE originals SET source_id = x'' WHERE id = 1",
    "UPDATE contents SET content_id = x'' WHERE id = 1",
)


def captioned(world: World) -> None:
    """Three captioned images, a copy of the first one, and another source's."""
    world.image("a.jpg", 1)
    world.image("b copy of a.jpg", 1)
    world.image("c.jpg", 2)
    world.source = world.ledger.images.source("folder", "/other/", "other")
    world.folder, _ = world.ledger.images.folder(world.source, "sub")
    world.image("d.jpg", 3)
    shard, batch = world.submitted()
    answers = [answered(key, 300) for _, key in world.works]
    world.ledger.answers.settle(shard, batch, answers, DEFAULT_RULES, NOW)


def both_ways(world: World) -> tuple[list[object], list[object]]:
    short = [tuple(row) for page in world.ledger.rows.table(3) for row in page]
    return list(short), world.ledger.database.execute(_LONG).fetchall()


def test_rows_are_the_same_whatever_is_odd(world: World) -> None:
    captioned(world)
    database = world.ledger.database
    seen = set()
    for oddities in [(), *combinations(_ODDITIES, 1), *combinations(_ODDITIES, 2)]:
        database.execute("SAVEPOINT odd")
        for sql in oddities:
            with suppress(sqlite3.IntegrityError):  # some exclude each other
                database.execute(sql)
        short, long = both_ways(world)
        assert short == long, oddities
        seen.add(repr(long))
        database.execute("ROLLBACK TO odd")
    database.execute("RELEASE odd")
    assert len(seen) > 300, "they are different ledgers"


def test_usual_rows_are_read_the_short_way(world: World) -> None:
    captioned(world)
    others = []
    for index, page in enumerate(world.ledger.rows.table(8)):
        assert index == 0
        others = [row for row in page if row[list(COLUMNS).index("outcome")] == "duplicate"]
    assert len(others) == 1
    asked: list[str] = []
    database = world.ledger.database
    database._connection.set_trace_callback(asked.append)
    list(world.ledger.rows.table())
    database._connection.set_trace_callback(None)
    (select,) = (sql for sql in asked if "json_array" in sql)
    assert [row[-1] is None for row in database.execute(select)] == [True, False, True, True]


def test_an_empty_ledger_has_no_pages(world: World) -> None:
    assert list(world.ledger.rows.table()) == []
