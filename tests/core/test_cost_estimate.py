from decimal import Decimal

import pytest

from pipeline.core.cost_estimate import CostEstimator
from pipeline.core.image_tokens import UNKNOWN_SIZE, Detail, ImageTooLarge
from pipeline.core.pricing import PriceSheet, Rates, line_max_cost
from pipeline.core.tokens import RequestEstimator
from pipeline.providers.models import model_facts

SHEET = PriceSheet(Rates(Decimal(50), Decimal(5), Decimal(62), Decimal(250)), "test", "batch")


def estimator(detail: Detail = "high") -> RequestEstimator:
    return RequestEstimator.of(model_facts("gpt-6-luna", {}), detail, 120, system="Describe.")


def test_the_worst_case_is_the_price_of_the_upper_bounds() -> None:
    estimate = estimator().estimate(512, 341, "What is it?")
    found = CostEstimator(estimator(), lambda: SHEET).estimate(512, 341, "What is it?")
    assert found.prompt_tokens == estimate.expected_prompt
    assert estimate.upper_prompt is not None
    assert found.max_cost == line_max_cost(estimate.upper_prompt, 120, SHEET)
    assert found.expected is not None
    assert found.expected < found.max_cost


def test_an_unknown_price_is_null_and_never_zero() -> None:
    found = CostEstimator(estimator(), lambda: None).estimate(10, 10, "")
    assert (found.expected, found.max_cost) == (None, None)
    assert found.prompt_tokens > 0


def test_an_image_that_the_service_would_refuse_is_an_error_each_time() -> None:
    costs = CostEstimator(estimator("original"), lambda: SHEET)
    for _ in range(2):
        with pytest.raises(ImageTooLarge):
            costs.estimate(60_000, 60_000, "")


def test_without_a_bound_there_is_no_worst_case() -> None:
    unknown = RequestEstimator.of(model_facts("their-model", {}), "high", 120)
    found = CostEstimator(unknown, lambda: SHEET).estimate(*UNKNOWN_SIZE, "")
    assert found.expected
    assert found.max_cost is None
