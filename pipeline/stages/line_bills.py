"""Exact costs of the lines of a batch, by the prices at which it was sent."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from pipeline.core.pricing import PriceSheet, line_cost
from pipeline.records import Answer, Nano, Usage
from pipeline.stages.read_report import ReadReport

if TYPE_CHECKING:
    from pipeline.core.ordinary_answers import Tokens

_COSTS = 65_536  # different usages whose cost is remembered


class LineBills:
    """Costs by a shard's own prices.

    Attributes:
        cost_of: cost of an ordinary answer by its tokens, None where no price is known.
    """

    def __init__(self, prices: str | None, report: ReadReport) -> None:
        self._sheet = PriceSheet.from_text(prices) if prices else None
        self._report = report
        # not a method, as the circle would hold all of this until somebody looks for circles
        self.cost_of: Callable[[Tokens], Nano | None] = lru_cache(_COSTS)(
            partial(_cost, self._sheet)
        )

    def billed(self, answer: Answer) -> Nano | None:
        """Exact cost of any line; None where it is unknown, and then its reservation is charged. A
        line that never ran costs nothing."""
        if answer.usage is None:
            return None if answer.ran else 0
        if self._sheet is None:
            return None
        try:
            return line_cost(answer.usage, self._sheet.at(answer.window))
        except ValueError as error:
            self._report.note("impossible_usage", f"{answer.custom_id}: {error}")
            return None


def _cost(sheet: PriceSheet | None, tokens: Tokens) -> Nano | None:
    return None if sheet is None else line_cost(Usage(*tokens), sheet)
