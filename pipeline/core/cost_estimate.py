"""Tokens and cost of requests: expected, and at most."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from msgspec import Struct

from pipeline.core.pricing import PriceSheet, line_max_cost
from pipeline.core.tokens import TokenRules
from pipeline.records import Nano

_REMEMBERED = 4096  # many images share a size, and most requests a prompt


class CostEstimate(Struct, frozen=True):
    """Estimate of one request.

    Attributes:
        prompt_tokens, completion_tokens: expected.
        counted: prompt tokens as counted, before bills are held against them; `guessed` of them no
            rule of the service fixes.
        expected, max_cost: nano-dollars, None when the price is unknown; `max_cost` also when no
            bound of its tokens is known.
    """

    prompt_tokens: int
    completion_tokens: int
    expected: Nano | None
    max_cost: Nano | None
    counted: int
    guessed: int


class PolicyCost(Struct, frozen=True):
    """Cost of all unique images under one policy; `refused` of them the service would not take."""

    name: str
    prompt_tokens: int
    expected: Nano | None
    max_cost: Nano | None
    refused: int


class CostEstimator:
    """Estimates the requests of one spec at one price sheet (None: unknown prices)."""

    def __init__(self, estimator: TokenRules, priced: Callable[[], PriceSheet | None]) -> None:
        """Make an estimator; `priced` is asked for the sheet when it is needed first."""
        self._priced = priced
        self._estimator = estimator
        self._cached = lru_cache(maxsize=_REMEMBERED)(self._estimate)

    @property
    def sheet(self) -> PriceSheet | None:
        """Price sheet, None for unknown prices."""
        return self._priced()

    def estimate(self, width: int, height: int, prompt: str) -> CostEstimate:
        """Request with an image of width x height pixels as sent, and this prompt.

        Raises:
            ImageTooLarge, UnsupportedDetail: the service would refuse it.
        """
        return self._cached(width, height, prompt)

    def _estimate(self, width: int, height: int, prompt: str) -> CostEstimate:
        estimate = self._estimator.estimate(width, height, prompt)
        tokens = (estimate.expected_prompt, estimate.expected_completion)
        upper, counted = estimate.upper_prompt, (estimate.counted_prompt, estimate.guessed)
        sheet = self.sheet
        if sheet is None:
            return CostEstimate(*tokens, None, None, *counted)
        return CostEstimate(
            *tokens,
            line_max_cost(*tokens, sheet),
            None if upper is None else line_max_cost(upper, estimate.max_completion, sheet),
            *counted,
        )
