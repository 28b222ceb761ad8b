from __future__ import annotations

from datetime import date

import pytest

from pipeline.providers.models import model_facts

TODAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("model", "effort", "may"),
    [
        ("gpt-6-luna", "none", True),
        ("gpt-6-luna", "low", False),
        ("gpt-6-astra", "low", False),
        ("gpt-6-astra", None, False),
        ("gpt-5-mini", "minimal", False),
        ("gpt-4.1-mini", None, True),
        ("o3", "low", False),
        ("some-other-model", None, True),
    ],
)
def test_a_temperature_goes_only_without_reasoning(
    model: str, effort: str | None, may: bool
) -> None:
    assert model_facts(model).may_send_temperature(effort) is may


def test_a_shutdown_is_announced_in_time() -> None:
    mini = model_facts("gpt-4.1-mini")
    assert mini.shutdown == date(2027, 1, 14)
    assert mini.shutdown_warning(TODAY) == (
        "gpt-4.1-mini is shut down on 2027-01-14, in 53 days: plan to change it"
    )
    assert mini.shutdown_warning(TODAY, days=53) is not None
    assert mini.shutdown_warning(TODAY, days=52) is None
    assert mini.shutdown_warning(date(2027, 1, 13)) is not None
    for day in (date(2027, 1, 14), date(2028, 1, 1)):
        gone = mini.shutdown_warning(day)
        assert gone == "gpt-4.1-mini was shut down on 2027-01-14: choose another model"
    assert model_facts("gpt-6-luna").shutdown_warning(TODAY, days=9999) is None
