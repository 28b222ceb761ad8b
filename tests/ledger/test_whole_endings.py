from __future__ import annotations

from pipeline.ledger.answers import PricedAnswer
from pipeline.ledger.whole_endings import take_whole
from pipeline.records import Answer, Usage
from tests.ledger.world import NOW, World


def test_the_checksum_follows_what_is_taken(world: World) -> None:
    world.image("a.jpg", 1)
    shard, batch = world.submitted()
    usage = Usage(100, completion=5)
    (_, key), *_ = world.works
    answer = Answer(
        "c", "invalid", "a cat", reason="odd", code="unknown_ending", usage=usage, ending="eos"
    )
    world.ledger.answers.settle(shard, batch, [PricedAnswer(key, 1, answer, 5)], {}, NOW)
    assert take_whole(world.ledger.database, lambda _model: frozenset()) == 0
    assert take_whole(world.ledger.database, lambda _model: frozenset({"eos"})) == 1
    (row,) = world.ledger.audit.answers(batch.row)
    assert (row.outcome, row.code, row.is_sound) == ("captioned", "eos", True)
