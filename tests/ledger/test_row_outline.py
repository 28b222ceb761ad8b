from __future__ import annotations

from pipeline.core.retry import DEFAULT_RULES
from pipeline.ledger.row_outline import IMAGE_FACTS, WORK_FACTS, RowOutline
from tests.ledger.world import NOW, World, answered

FILE_FACTS = {"name", "size", "mtime_ns", "inode", "ctime_ns", "todo", "crawl"}
"""Columns of an image that its row does not show, but for the name, which is in its path."""


def columns(world: World, table: str) -> set[str]:
    return {row[1] for row in world.ledger.database.execute(f"PRAGMA table_info({table})")}


def test_each_column_of_images_and_works_is_a_fact_or_not_shown(world: World) -> None:
    assert columns(world, "images") == {*IMAGE_FACTS, *FILE_FACTS}
    assert columns(world, "works") == {*WORK_FACTS, "id", "after"}


def test_rows_are_those_of_the_table_in_any_order(world: World) -> None:
    for number in range(1, 6):
        world.image(f"{number}.jpg", number)
    shard, batch = world.submitted()
    keys = [key for _, key in world.works]
    lines = [answered(keys[0], 300), answered(keys[1], None), answered(keys[1], 5, attempt=2)]
    world.ledger.answers.settle(shard, batch, lines, DEFAULT_RULES, NOW)
    outline = RowOutline(world.ledger.database)
    outline.prepare()
    (page,) = outline.pages()
    images = [row[0] for row in page]
    (rows,) = world.ledger.rows.table()
    assert [row[1] for row in page] == [row[1] for row in rows]
    assert outline.rows(images) == rows  # type: ignore[arg-type]
    assert outline.rows(images[::-1]) == rows[::-1]  # type: ignore[arg-type]
    assert outline.rows([]) == []


def test_what_changes_hardly_ever_changes_every_row(world: World) -> None:
    world.image("1.jpg", 1)
    shard, batch = world.submitted()
    key = world.works[0][1]
    world.ledger.answers.settle(shard, batch, [answered(key, 300)], DEFAULT_RULES, NOW)
    outline, database = RowOutline(world.ledger.database), world.ledger.database
    for sql in (
        "UPDATE answers SET caption = 'another'",
        "UPDATE originals SET width = 7",
        "UPDATE contents SET width = 7",
        "UPDATE preparations SET flags = 'x'",
        "UPDATE folders SET path = 'other'",
        "UPDATE sources SET label = 'other'",
        "UPDATE specs SET model = 'other'",
        "UPDATE batches SET batch_id = 'other'",
        "UPDATE items SET worst = 1",
        "UPDATE works SET work_key = x'00'",
    ):
        before = outline.common()
        database.execute(sql)
        assert outline.common() != before, sql
    before = outline.common()
    database.execute("UPDATE originals SET width = 7")
    assert outline.common() == before, "nothing has changed"


def test_an_answer_out_of_the_ordinary_changes_every_row(world: World) -> None:
    """It may leave its work as it was, but not the sums over its attempts."""
    world.image("1.jpg", 1)
    shard, batch = world.submitted()
    key = world.works[0][1]
    settle = world.ledger.answers.settle
    settle(shard, batch, [answered(key, 300)], DEFAULT_RULES, NOW, ends=lambda: "open")
    outline = RowOutline(world.ledger.database)
    before = outline.common()
    settle(shard, batch, [answered(key, 5, attempt=2)], DEFAULT_RULES, NOW)
    assert outline.common() != before
