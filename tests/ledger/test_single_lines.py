from __future__ import annotations

from pipeline.core.retry import DEFAULT_RULES
from pipeline.ledger.answer_row import answer_cells
from pipeline.ledger.settled import PricedAnswer
from pipeline.ledger.single_lines import SingleLines, WrittenLine
from tests.ledger.world import NOW, World, answered


def lines_of(world: World) -> SingleLines:
    shard, batch = world.submitted()

    def row_of(work: int, priced: PricedAnswer) -> tuple[object, ...]:
        cells = answer_cells(priced.answer, priced.billed, shard.price_version)
        return (work, priced.attempt, batch.row, *cells, NOW, 1)

    return SingleLines(world.ledger.database, shard, batch, DEFAULT_RULES, row_of)


def test_a_line_counts_once_and_frees_its_item(world: World) -> None:
    world.image("a.jpg", 1)
    single = lines_of(world)
    (work, key), priced = world.works[0], answered(world.works[0][1], 300)
    assert single.work(key) == work
    written = single.write(work, priced)
    assert written is not None
    assert not written.again
    assert written.max_cost is not None
    assert world.ledger.database.one("SELECT SUM(live) FROM items") == (0,)
    assert single.write(work, priced) is None


def test_a_foreign_request_gets_a_work_without_a_reserve(world: World) -> None:
    world.image("a.jpg", 1)
    single = lines_of(world)
    foreign = single.work(b"f" * 32)
    assert foreign not in [work for work, _ in world.works]
    assert single.write(foreign, answered(b"f" * 32, 300)) == WrittenLine(None, 0, again=False)
