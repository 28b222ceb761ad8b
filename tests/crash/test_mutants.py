"""The recovery code, broken by hand: the cases must notice. All of them: make mutants."""

from __future__ import annotations

import pytest

from tests.crash.cases import EVERYTHING, Tally
from tests.crash.finding import FINDS
from tests.crash.mutants import MUTANTS
from tests.crash.zygote import Zygote

_DAILY = ("no grace", "release on doubt", "retry on create", "no adoption", "overtaken is sent")


def test_every_mutant_has_its_cases() -> None:
    assert list(FINDS) == list(MUTANTS)
    assert len(MUTANTS) >= 10


@pytest.mark.parametrize("name", list(MUTANTS) if EVERYTHING else _DAILY)
def test_a_mutant_is_found(name: str, zygote: Zygote, tally: Tally) -> None:
    found = FINDS[name](zygote, name)
    tally.play("mutants", [name], lambda _: [] if found else ["it was not found"])
