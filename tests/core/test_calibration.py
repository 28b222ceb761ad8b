from __future__ import annotations

from decimal import Decimal

import pytest

from pipeline.core.calibration import Calibration, margin


def test_the_margin_rises_with_bills_beyond_the_estimate() -> None:
    quarter = Decimal("0.25")
    assert margin(quarter, None) == margin(quarter, Calibration("a", 100, 120, 1)) == quarter
    assert margin(quarter, Calibration("a", 100, 125, 1)) == quarter
    assert margin(quarter, Calibration("a", 100, 160, 1)) == Decimal("0.7")


def test_a_calibration_is_of_the_model_itself() -> None:
    bills = [Calibration("a", 100, 150, 3), Calibration("b", 0, 7, 1)]
    assert [one.ratio for one in bills] == [Decimal("1.5"), 7]
    assert Calibration.of(bills, "b") == bills[1]
    assert Calibration.of(bills, "c") is None


@pytest.mark.parametrize(
    ("guessed", "billed", "ratio"),
    [(0, 50, "1"), (40, 60, "1.5"), (40, 40, "1"), (40, 30, "0.75"), (40, 0, "1"), (40, -9, "1"),
     (40, 800, "20"), (40, 801, "1")],
)  # fmt: skip
def test_what_no_rule_fixes_is_measured_and_the_absurd_is_not_believed(
    guessed: int, billed: int, ratio: str
) -> None:
    assert Calibration("a", 100, 120, 1, guessed, billed).guess_ratio == Decimal(ratio)
