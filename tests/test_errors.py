from __future__ import annotations

import re

import pytest

from pipeline import errors
from pipeline.errors import (
    CaptionmillError,
    CostAnomaly,
    NeedsPerson,
    OverBudget,
    PauseTooLong,
    ServiceError,
    graver,
    is_outage,
)

CLASSES = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, CaptionmillError)
]


def drawn() -> dict[str, int | None]:
    """The tree as the module's docstring draws it: name -> exit code."""
    text = (errors.__doc__ or "").partition("\n\n")[2].partition("\n\n")[0]
    found = re.findall(r"^[ |`-]*([A-Z]\w+)(?:  +(\d+)\b)?", text, re.MULTILINE)
    return {name: int(code) if code else None for name, code in found}


def test_every_class_is_drawn() -> None:
    assert set(drawn()) == {c.__name__ for c in CLASSES}


@pytest.mark.parametrize("error", CLASSES[1:])
def test_the_drawn_exit_code_is_the_real_one(error: type[CaptionmillError]) -> None:
    code = drawn()[error.__name__]
    parent = error.__mro__[1]
    assert error.exit_code == (code if code is not None else getattr(parent, "exit_code", None))


def test_exit_codes_tell_the_kinds_apart() -> None:
    own = [c.exit_code for c in CLASSES if "exit_code" in vars(c)]
    constants = {errors.EXIT_DONE, errors.EXIT_PENDING, errors.EXIT_BUG}
    assert len(own) == len(set(own))
    assert constants.isdisjoint(own)
    assert len(constants) == 3


@pytest.mark.parametrize("error", CLASSES)
def test_exit_codes_are_ones_a_shell_can_show(error: type[CaptionmillError]) -> None:
    # 126 to 128 and 128 + signal belong to the shell; 130 is what it gives for Ctrl-C itself
    assert 1 <= error.exit_code <= 125 or error.exit_code == 130


def test_the_codes_that_no_class_has_are_described() -> None:
    described = re.search(
        r"Exit (\d+) means done, (\d+) means .*pending.*, (\d+) is", str(errors.__doc__)
    )
    assert described
    assert [int(n) for n in described.groups()] == [
        errors.EXIT_DONE,
        errors.EXIT_PENDING,
        errors.EXIT_BUG,
    ]


def test_a_service_error_carries_what_the_service_said() -> None:
    error = ServiceError("no", status=429, code="rate_limit_exceeded", retry_after=2.5)
    assert str(error) == "no"
    assert (error.status, error.code, error.retry_after) == (429, "rate_limit_exceeded", 2.5)
    assert (ServiceError("no").status, ServiceError("no").code) == (None, None)


def test_money_before_people_before_the_rest_and_the_first_among_equals() -> None:
    anomaly, person, cap = CostAnomaly("a"), NeedsPerson("p"), OverBudget("o")
    first, second = ServiceError("1"), ServiceError("2")
    assert graver(None, first) is first
    assert graver(first, second) is first
    assert graver(first, cap) is cap
    assert graver(cap, person) is graver(person, cap) is person
    assert graver(person, anomaly) is graver(anomaly, person) is anomaly


def test_an_outage_does_not_say_when_to_come_back() -> None:
    assert is_outage(ServiceError("no connection"))
    assert is_outage(ServiceError("out of order", status=503))
    assert not is_outage(ServiceError("it keeps no list", status=405))
    assert not any(map(is_outage, (None, PauseTooLong("an hour"), NeedsPerson("key"))))
