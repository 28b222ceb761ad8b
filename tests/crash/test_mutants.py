"""The recovery code, broken by hand: the cases must notice. All of them: make mutants."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.crash.cases import EVERYTHING, Tally
from tests.crash.finding import FINDS
from tests.crash.mutants import MUTANTS
from tests.crash.zygote import Zygote

_DAILY = ("no grace", "release on doubt", "retry on create", "no adoption", "overtaken is sent")


def test_every_mutant_has_its_cases() -> None:
    assert list(FINDS) == list(MUTANTS)
    assert len(MUTANTS) >= 10


def test_every_mutant_fits_what_it_replaces() -> None:
    """One that fits no more would be found for its own error, and not for what it breaks."""
    code = (
        "from tests.crash.mutants import MUTANTS\n"
        "for name, mutant in MUTANTS.items(): print(name); mutant.apply()"
    )
    root = Path(__file__).parents[2]
    applied = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert applied.returncode == 0, applied.stdout.splitlines()[-1] + applied.stderr[-600:]


@pytest.mark.parametrize("name", list(MUTANTS) if EVERYTHING else _DAILY)
def test_a_mutant_is_found(name: str, zygote: Zygote, tally: Tally) -> None:
    found = FINDS[name](zygote, name)
    tally.play("mutants", [name], lambda _: [] if found else ["it was not found"])
