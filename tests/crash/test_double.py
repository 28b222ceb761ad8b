"""Killed, and killed again while recovering."""

from __future__ import annotations

import random

from tests.crash.cases import Tally, chosen, parts
from tests.crash.plans import every_fault, plan
from tests.crash.rig import World
from tests.crash.scenes import visits
from tests.crash.zygote import Zygote

Case = tuple[int, tuple[tuple[str, int], ...], str | None]


@parts
def test_two_or_three_kills_in_a_row_cost_nothing(part: int, zygote: Zygote, tally: Tally) -> None:
    cases = chosen("double kill", list(_cases(zygote)), 14, part)
    tally.play("double kill", cases, lambda case: killed_again(zygote, case))


def _cases(zygote: Zygote) -> list[Case]:
    dice = random.Random(7)
    places = list(visits(zygote, "first run"))
    faults = list(every_fault())
    return [
        (
            number,
            tuple(dice.choice(places) for _ in range(dice.choice((2, 2, 3)))),
            dice.choice(faults) if number % 2 else None,
        )
        for number in range(250)
    ]


def killed_again(zygote: Zygote, case: Case) -> list[str]:
    _, kills, fault = case
    with World(zygote, 5, faults=plan(fault) if fault else None) as world:
        for kill in kills:
            world.run(kill=kill)
        world.recover()
        world.judge.rest()
        return world.judge.found
