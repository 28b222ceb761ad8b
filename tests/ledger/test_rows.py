import pytest

from pipeline.core.retry import DEFAULT_RULES
from pipeline.ledger import rows
from pipeline.ledger.rows import COLUMNS
from pipeline.records import Rejection, Usage
from tests.ledger.world import NOW, World, answered


def table(world: World) -> list[dict[str, object]]:
    return [
        dict(zip(COLUMNS, row, strict=True)) for page in world.ledger.rows.table() for row in page
    ]


def test_one_row_an_image_and_the_bill_is_their_sum(world: World) -> None:
    world.image("a.jpg", 1)
    world.image("b copy of a.jpg", 1)
    world.image("c.jpg", 2)
    world.image("d.jpg", 3)
    broken = world.image("e.jpg", 4)
    world.reject(broken, Rejection("truncated", "half a file"))
    world.works = world.works[:3]
    shard, batch = world.submitted()
    answers = [
        answered(world.works[0][1], 400),
        answered(world.works[1][1], 300, outcome="refused", caption=None, reason="no"),
        answered(world.works[2][1], 0, outcome="expired", caption=None, usage=None),
    ]
    world.ledger.answers.settle(shard, batch, answers, DEFAULT_RULES, NOW)
    rows = table(world)
    assert [row["outcome"] for row in rows] == [
        "captioned", "duplicate", "refused", "pending", "rejected",
    ]  # fmt: skip
    assert rows[1]["duplicate_of"] == "a.jpg"
    assert rows[1]["caption"] == rows[0]["caption"] == "a cat"
    assert (rows[1]["billed_cost"], rows[1]["prompt_tokens"]) == (0, 0)
    assert sum(row["billed_cost"] or 0 for row in rows) == 700  # type: ignore[misc]
    assert rows[4]["reason"] == "half a file"
    assert world.ledger.rows.outcomes(world.source) == {
        "captioned": 1, "duplicate": 1, "refused": 1, "pending": 1, "rejected": 1,
    }  # fmt: skip
    assert world.ledger.rows.reject_reasons(world.source) == {"truncated": 1}
    assert list(world.ledger.rows.rejects()) == [("imgs", "e.jpg", "truncated", "half a file")]


def test_a_duplicate_in_another_source_says_where(world: World) -> None:
    world.image("a.jpg", 1)
    first = world.folder
    other = world.ledger.images.source("folder", "/copy", "copy")
    world.source, (world.folder, _) = other, world.ledger.images.folder(other, "sub")
    world.image("z.jpg", 1)
    assert world.folder != first
    shard, batch = world.submitted()
    world.ledger.answers.settle(shard, batch, [answered(world.works[0][1])], DEFAULT_RULES, NOW)
    rows = table(world)
    assert [(row["source"], row["path"], row["duplicate_of"]) for row in rows] == [
        ("imgs", "a.jpg", None),
        ("copy", "sub/z.jpg", "imgs:a.jpg"),
    ]


def test_manifest_columns_of_all_sources_in_order(world: World) -> None:
    other = world.ledger.images.source("manifest", "/m.csv", "m.csv")
    world.ledger.images.remember_columns(world.source, ["title", "author"])
    world.ledger.images.remember_columns(other, ["author", "year"])
    assert world.ledger.rows.manifest_columns() == ["title", "author", "year"]


def test_charges_of_a_run(world: World) -> None:
    world.image("a.jpg", 1)
    shard, batch = world.submitted()
    assert world.ledger.reservations.run_charges(1) == (0, 1000)
    world.ledger.answers.settle(shard, batch, [answered(world.works[0][1])], DEFAULT_RULES, NOW)
    assert world.ledger.reservations.run_charges(1) == (400, 0)


def test_tokens_and_money_of_every_answer_to_a_work_are_summed(world: World) -> None:
    world.image("a.jpg", 1)
    world.image("b.jpg", 2)
    shard, batch = world.submitted()
    (_, first), (_, second) = world.works
    answers = [
        answered(first, 300, outcome="length", usage=Usage(100, 10, 5, 20, 2)),
        answered(first, 400, attempt=2, usage=Usage(200, 20, 6, 30, 3)),
        answered(second, 500, usage=Usage(7, 1, 1, 2, 1)),
    ]
    world.ledger.answers.settle(shard, batch, answers, DEFAULT_RULES, NOW)
    names = ("prompt_tokens", "cached_tokens", "cache_write_tokens", "completion_tokens",
             "reasoning_tokens", "billed_cost")  # fmt: skip
    assert [[row[name] for name in names] for row in table(world)] == [
        [300, 30, 11, 50, 5, 700],
        [7, 1, 1, 2, 1, 500],
    ]


def test_the_table_is_read_in_order_without_sorting(world: World) -> None:
    for folder in ("b", "a", ""):
        world.folder, _ = world.ledger.images.folder(world.source, folder)
        for name in ("2.jpg", "1.jpg"):
            world.image(name, 1)
    asked: list[str] = []
    world.ledger.database._connection.set_trace_callback(asked.append)
    paths = [row["path"] for row in table(world)]
    assert paths == ["1.jpg", "2.jpg", "a/1.jpg", "a/2.jpg", "b/1.jpg", "b/2.jpg"]
    (select,) = (sql for sql in asked if "json_array" in sql)
    plan = [str(row[3]) for row in world.ledger.database.execute(f"EXPLAIN QUERY PLAN {select}")]
    assert not [step for step in plan if "ORDER BY" in step]


def test_an_answer_without_usage_stands_at_what_the_books_count(world: World) -> None:
    world.image("a.jpg", 1)
    world.image("b copy of a.jpg", 1)
    world.image("c.jpg", 2)
    shard, batch = world.submitted()
    (_, first), (_, second) = world.works
    answers = [
        answered(first, None, usage=None),
        answered(second, 300),
    ]
    world.ledger.answers.settle(shard, batch, answers, DEFAULT_RULES, NOW)
    rows = table(world)
    assert [row["billed_cost"] for row in rows] == [1000, 0, 300]
    assert [row["flags"] for row in rows] == ["usage_missing", "", ""]
    assert world.ledger.reservations.totals().charged == 1300


def test_a_request_that_was_never_answered_has_no_flag(world: World) -> None:
    world.image("a.jpg", 1)
    shard, batch = world.submitted()
    lost = answered(world.works[0][1], 1000, outcome="missing", caption=None, usage=None)
    world.ledger.answers.settle(shard, batch, [lost], DEFAULT_RULES, NOW)
    (row,) = table(world)
    assert (row["billed_cost"], row["flags"]) == (1000, "")


def test_pages_are_shorter_where_texts_are_long(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 9):
        world.image(f"{number}.jpg", number)
    shard, batch = world.submitted()
    long = {3, 4, 5}
    answers = [
        answered(key, caption="x" * 700 if work in long else "x") for work, key in world.works
    ]
    world.ledger.answers.settle(shard, batch, answers, {}, NOW)
    monkeypatch.setattr(rows, "_STEP", 1)
    monkeypatch.setattr(rows, "_PAGE_TEXT", 1000)
    pages = list(world.ledger.rows.table(5))
    assert [len(page) for page in pages] == [4, 4]
    monkeypatch.undo()
    assert [row for page in pages for row in page] == [*next(world.ledger.rows.table(8))]
