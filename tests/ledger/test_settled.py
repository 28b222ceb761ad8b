from __future__ import annotations

import pytest

from pipeline.ledger.settled import Settled
from tests.ledger.world import answered


@pytest.mark.parametrize(
    ("billed", "max_cost", "sums", "over"),
    [
        (400, 1000, (400, 400), False),
        (400, 400, (400, 400), False),
        (1001, 1000, (1001, 1001), True),
        (None, 1000, (None, 1000), False),
        (None, None, (None, None), False),
        (400, None, (400, 400), False),
        (0, 1000, (0, 0), False),
    ],
)
def test_a_line_is_counted_as_billed_or_as_reserved(
    billed: int | None, max_cost: int | None, sums: tuple[int | None, int | None], over: bool
) -> None:
    settled = Settled()
    settled.add(answered(b"k" * 32, billed, custom_id="cm-1"), max_cost)
    assert (settled.billed, settled.charged) == sums
    assert settled.over == (["cm-1"] if over else [])
    assert (settled.prompt_tokens, settled.completion_tokens) == (120, 20)
    assert settled.outcomes == {"captioned": 1}


def test_one_line_of_unknown_cost_makes_the_sum_unknown() -> None:
    settled = Settled()
    for billed, max_cost in ((400, 1000), (None, 1000), (None, None), (300, 1000)):
        settled.add(answered(b"k" * 32, billed), max_cost)
    assert (settled.billed, settled.charged) == (None, None)
