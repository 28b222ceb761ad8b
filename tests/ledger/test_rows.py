from pipeline.core.outcomes import DEFAULT_RULES
from pipeline.ledger.rows import COLUMNS
from pipeline.records import Rejection
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
    world.ledger.works.reject(broken, None, Rejection("truncated", "half a file"), look_again=False)
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
    assert world.ledger.rows.run_charges(1) == (0, 1000)
    world.ledger.answers.settle(shard, batch, [answered(world.works[0][1])], DEFAULT_RULES, NOW)
    assert world.ledger.rows.run_charges(1) == (400, 0)
