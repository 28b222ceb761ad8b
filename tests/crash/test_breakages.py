"""Breakages of single lines: each is of a line that is there. All of them: make mutants."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.crash.breakages import BREAKAGES, ROOT, Breakage
from tests.crash.cases import EVERYTHING


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda one: one.text)
def test_a_breakage_changes_a_line_that_is_there(breakage: Breakage) -> None:
    source = (ROOT / breakage.module).read_text()
    assert source.count(breakage.line) == 1
    assert all((ROOT / test).is_file() for test in breakage.tests)


def test_each_breakage_is_another() -> None:
    assert max(Counter((one.module, one.line) for one in BREAKAGES).values()) == 1


@pytest.mark.skipif(not EVERYTHING, reason="make crash plays them, as make mutants does")
@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda one: one.text)
def test_a_breakage_is_found_by_the_tests_beside_it(breakage: Breakage) -> None:
    assert breakage.is_found()
