"""Bills of a model so far against what was counted: what they say about the next requests."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple, Self

_RAISE_MARGIN_ABOVE = Decimal("1.25")
_MOST_RATIO = 20  # more says that something else is wrong than a tokenizer


class Calibration(NamedTuple):
    """Sums over the answers of a model that told their usage.

    Attributes:
        model: its name as it was asked for.
        counted, billed: prompt tokens as counted before, and as billed.
        lines: answers.
        guessed, guessed_billed: the part of `counted` that no rule of the service fixes (the text,
            and the image where its rule is unknown), and what was billed beyond the rest; of those
            answers only of which the part is known.
    """

    model: str
    counted: int
    billed: int
    lines: int
    guessed: int = 0
    guessed_billed: int = 0

    @classmethod
    def of(cls, calibrations: Iterable[Self], model: str) -> Self | None:
        """Calibration of a model, None without any answer."""
        return next((one for one in calibrations if one.model == model), None)

    @property
    def ratio(self) -> Decimal:
        """Prompt tokens that were billed for one that was counted."""
        return Decimal(self.billed) / max(1, self.counted)

    @property
    def guess_ratio(self) -> Decimal:
        """Tokens billed for each one that no rule fixes; 1 where that is unknown."""
        if self.guessed <= 0:
            return Decimal(1)
        measured = Decimal(self.guessed_billed) / self.guessed
        return measured if 0 < measured <= _MOST_RATIO else Decimal(1)


def margin(configured: Decimal, calibration: Calibration | None) -> Decimal:
    """Margin of reservations: it rises by itself when bills exceed estimates by 25 %."""
    if calibration is None or calibration.ratio <= _RAISE_MARGIN_ABOVE:
        return configured
    return max(configured, calibration.ratio - 1 + Decimal("0.1"))
