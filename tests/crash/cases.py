"""Cases in groups: all of them for `make crash`, a fixed sample in the default suite."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import pytest

T = TypeVar("T")

EVERYTHING = os.environ.get("CAPTIONMILL_CRASH") == "all"
PARTS = 4
parts = pytest.mark.parametrize("part", range(PARTS))
_SEED = 20261122
_SHOWN = 4


def chosen(
    group: str,
    cases: Sequence[T],
    sample: int,
    part: int,
    parts: int = PARTS,
    *,
    most: int | None = 120,
) -> list[T]:
    """This part of the cases: at most `most` of them, or a sample; the same every day."""
    picked, size = list(cases), most if EVERYTHING else sample
    if size is not None and len(picked) > size:
        picked = random.Random(f"{_SEED}{group}").sample(picked, size)
    return picked[part::parts]


@dataclass
class Tally:
    """What one test has played.

    Attributes:
        group: names a line of the table.
        properties: where the line is kept, for the summary.
    """

    properties: list[tuple[str, object]]
    failures: list[str] = field(default_factory=list)

    def play(self, group: str, cases: Sequence[T], play: Callable[[T], Sequence[str]]) -> None:
        """Play each case; fails with the first few violations once all are played.

        Args:
            play: gives the violations of one case.
        """
        began, violated = time.monotonic(), 0
        for case in cases:
            found = play(case)
            violated += bool(found)
            self.failures += [f"{group} {case}: {text}" for text in found]
        seconds = time.monotonic() - began
        self.properties.append(("crash", (group, len(cases), violated, seconds)))
        shown = "\n\n".join(self.failures[:_SHOWN])
        assert not self.failures, f"{len(self.failures)} violations\n{shown}"
