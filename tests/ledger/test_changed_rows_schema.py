"""Whatever changes a row of the table of captions is noted by the ledger itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import suppress

import pytest

from pipeline.ledger.changed_rows_schema import CHANGED_ROWS
from tests.ledger.test_usual_rows import captioned
from tests.ledger.world import World

_LITERALS = {
    "state": ("'pending'", "'live'", "'done'"),
    "outcome": ("'refused'", "'captioned'"),
    "kind": ("'manifest'", "'file'"),
    "todo": ("1 - todo",),
    "present": ("1 - present",),
    "columns": ('\'{"title": "x"}\'',),
    "near_distance": ("7",),
}
_OTHER = {
    "INTEGER": "COALESCE({0}, 0) + 1",
    "TEXT": "COALESCE({0}, '') || 'x'",
    "BLOB": "COALESCE({0}, x'') || x'00'",
}
TABLES = (
    "sources", "folders", "images", "originals", "contents", "preparations", "rechecks", "works",
    "items", "batches", "answers", "shards", "recipes", "reservations",
)  # fmt: skip


def prepare(world: World) -> list[int]:
    """Some rows, one of them sent twice without a bill, as a table shows them; their images."""
    captioned(world)
    database = world.ledger.database
    database.execute("UPDATE images SET near_of = 1, near_distance = 3 WHERE id = 2")
    database.execute("UPDATE answers SET billed = NULL, flags = 'x' WHERE id = 2")
    database.execute(
        "INSERT INTO rechecks (original, recipe, former, kind, content) SELECT 3, recipe, 3, 'x', "
        "3 FROM preparations LIMIT 1"
    )
    world.ledger.changed_rows.begin_anew()
    assert world.ledger.changed_rows.are_known()
    return world.ledger.changed_rows.starts([1] * len(shown(world)))


def shown(world: World) -> list[tuple[object, ...]]:
    return [tuple(row) for page in world.ledger.rows.table() for row in page]


def noted(world: World, images: list[int]) -> set[int]:
    """Numbers of the rows that may have changed; all of them where it is not known."""
    changed_rows = world.ledger.changed_rows
    groups = changed_rows.groups(images, []) if changed_rows.are_known() else None
    return set(range(len(images))) if groups is None else set(groups.changed)


def statements(world: World, table: str) -> Iterator[str]:
    for column, kind in world.ledger.database.execute(
        "SELECT name, type FROM pragma_table_info(?)", (table,)
    ).fetchall():
        for value in (_OTHER[kind].format(column), "NULL", *_LITERALS.get(column, ())):
            yield f"UPDATE {table} SET {column} = {value}"


@pytest.mark.parametrize("table", TABLES)
def test_each_column_of_each_table_is_noted_where_a_row_shows_it(world: World, table: str) -> None:
    images, before = prepare(world), shown(world)
    database = world.ledger.database
    shows = 0
    for sql in (f"DELETE FROM {table}", *statements(world, table)):
        database.execute("SAVEPOINT other")
        with suppress(sqlite3.IntegrityError):
            database.execute(sql)
            after = shown(world)
            same = len(after) == len(before)
            changed = {n for n, row in enumerate(before) if not same or row != after[n]}
            assert changed <= noted(world, images), sql
            shows += bool(changed)
        database.execute("ROLLBACK TO other")
        database.execute("RELEASE other")
        database.execute("PRAGMA foreign_keys = OFF")  # from here on: any value will do
    assert shows or table in ("shards", "recipes", "reservations"), "rows show it"


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO answers (work, attempt, batch, outcome, billed, received_at) "
        "VALUES (1, 2, 1, 'failed', 9223372036854775, 5)",
        # another recipe, whose flags come first
        "INSERT INTO preparations (original, recipe, content, flags) "
        "SELECT original, recipe - 1, content, 'upright' FROM preparations WHERE original = 1",
        "INSERT INTO rechecks (original, recipe, former, kind, content) "
        "SELECT 1, recipe, 1, 'x', 2 FROM preparations LIMIT 1",
    ],
)
def test_rows_that_come_to_others_are_noted(world: World, sql: str) -> None:
    images, before = prepare(world), shown(world)
    world.ledger.database.execute("PRAGMA foreign_keys = OFF")
    world.ledger.database.execute(sql)
    changed = {n for n, row in enumerate(shown(world)) if row != before[n]}
    assert changed
    assert changed <= noted(world, images)


def test_an_item_that_takes_the_id_of_another_is_noted(world: World) -> None:
    """The highest cost of an answer without a bill stands in its item."""
    images = prepare(world)
    database = world.ledger.database
    before = shown(world)
    items = database.execute("SELECT MAX(id) FROM items").fetchone()
    database.execute("DELETE FROM items WHERE id = ?", items)
    world.ledger.changed_rows.begin_anew()
    database.execute("INSERT INTO items (shard, work, attempt, worst) VALUES (1, 3, 1, 77)")
    assert database.execute("SELECT MAX(id) FROM items").fetchone() == items
    changed = {n for n, row in enumerate(shown(world)) if row != before[n]}
    assert changed <= noted(world, images)


def test_one_image_alone_is_noted_where_nothing_else_changes(world: World) -> None:
    images = prepare(world)
    database = world.ledger.database
    database.execute("UPDATE images SET first_seen_at = 5 WHERE id = ?", (images[2],))
    assert noted(world, images) == {2}
    database.execute("UPDATE works SET attempts = 9 WHERE id = 1")
    copies = {n for n, image in enumerate(images) if image in (1, 2)}
    assert noted(world, images) == {2, *copies}


def test_what_no_row_shows_is_not_noted(world: World) -> None:
    images = prepare(world)
    for sql in (
        "UPDATE images SET crawl = 9, mtime_ns = 9, flags = flags",
        "UPDATE works SET after = 'x', attempts = attempts",
        "UPDATE items SET live = 0",
        "UPDATE batches SET status = 'completed', batch_id = batch_id",
        "UPDATE sources SET crawl = 9, label = label",
        "UPDATE folders SET digest = x'00', crawl = 9",
        "UPDATE contents SET perceptual = x'00'",
    ):
        world.ledger.database.execute(sql)
    assert noted(world, images) == set()


def test_nothing_is_noted_before_there_is_a_table(world: World) -> None:
    captioned(world)
    count = world.ledger.database.number
    assert count("SELECT COUNT(*) FROM changed_images") == 0
    assert count("SELECT COUNT(*) FROM changed_works") == 0
    assert not world.ledger.changed_rows.are_known()
    assert any("CREATE TRIGGER works_changed" in statement for statement in CHANGED_ROWS)


def test_a_statement_with_a_rule_for_conflicts_of_its_own_notes_a_row_once(world: World) -> None:
    """SQLite lets that rule decide about what the triggers insert, too."""
    prepare(world)
    database = world.ledger.database
    for number in range(2):
        database.execute(f"UPDATE OR FAIL images SET flags = '{number}', work = NULL WHERE id = 1")
        database.execute("UPDATE images SET work = 1 WHERE id = 1")
        database.execute(
            "INSERT INTO images (folder, name, size, mtime_ns, inode, first_seen_at) "
            "SELECT folder, name, 1, 1, 1, 1 FROM images WHERE id = 1 "
            "ON CONFLICT DO UPDATE SET work = 2"
        )
        database.execute(
            "INSERT INTO works (work_key) SELECT work_key FROM works WHERE true "
            "ON CONFLICT DO UPDATE SET attempts = attempts + 1"
        )
        database.execute(
            "INSERT INTO answers (batch, work, attempt, outcome, received_at) SELECT batch, work, "
            "attempt, outcome, 1 FROM answers WHERE true "
            "ON CONFLICT DO UPDATE SET received_at = received_at + 1"
        )
        database.execute(
            "INSERT INTO items (shard, work, attempt) SELECT shard, work, attempt FROM items "
            "WHERE true ON CONFLICT DO UPDATE SET worst = worst + 1"
        )
    assert database.number("SELECT COUNT(*) FROM changed_images") == 1
    assert database.number("SELECT COUNT(*) FROM changed_works") == 3
