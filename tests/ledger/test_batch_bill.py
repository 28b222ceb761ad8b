from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from pipeline.core.pricing import PriceSheet, Rates
from pipeline.ledger.answers import PricedAnswer, Settled
from pipeline.ledger.charges import Charges
from pipeline.records import Answer, Usage
from tests.ledger.world import NOW, World

SHEET = PriceSheet(Rates(*map(Decimal, ("2", "1", "2", "8"))), "v", "batch").to_text()


def settled(world: World, service: tuple[int, int] | None, billed: int | None = 100) -> Settled:
    """Settle one answer of 30 + 5 tokens of a batch that names these sums."""
    world.image("a.jpg", 1)
    shard, batch = world.submitted()
    prompt, completion = service or (None, None)
    usage = None if billed is None else Usage(30, completion=5)
    answer = Answer("cm-1", "captioned", "a cat", usage=usage)
    ((_, key),) = world.works
    return world.ledger.answers.settle(
        replace(shard, prices=SHEET),
        replace(batch, prompt_tokens=prompt, completion_tokens=completion),
        [PricedAnswer(key, 1, answer, billed)], {}, NOW,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("service", "charged", "said"),
    [
        (None, 100, False),
        ((30, 5), 100, False),
        ((40, 5), 100 + 10 * 2, True),
        ((30, 9), 100 + 4 * 8, True),
        ((20, 9), 100 + 4 * 8, True),
        ((20, 5), 100, True),
    ],
)
def test_the_dearer_of_two_sums_counts_and_is_said(
    world: World, service: tuple[int, int] | None, charged: int, said: bool
) -> None:
    result = settled(world, service)
    assert result.charged == result.billed == world.ledger.reservations.totals().charged == charged
    assert bool(result.differences) is said
    assert list(world.ledger.audit.contradictions()) == []
    rows = [row for page in Charges(world.ledger.database).table() for row in page]
    assert len(rows) == 1 + (charged > 100)


def test_nothing_is_beyond_an_answer_at_its_highest_cost(world: World) -> None:
    result = settled(world, (4000, 500), billed=None)
    assert (result.charged, result.differences) == (1000, [])


def test_more_than_was_reserved_is_over(world: World) -> None:
    result = settled(world, (4000, 500))
    assert result.over == [world.ledger.batches.in_states("settled")[0].batch_id]
