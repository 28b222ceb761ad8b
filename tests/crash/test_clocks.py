"""The wall clock jumps, forwards and back, at the worst moments."""

from __future__ import annotations

from tests.crash.cases import Tally, chosen, parts
from tests.crash.plans import plan
from tests.crash.rig import World
from tests.crash.zygote import Zygote

JUMPS = (-400 * 86_400, -86_400, -3600, -61, -1, 61, 300, 3600, 86_400, 400 * 86_400)
PLACES = (
    *("submit.before_create", "submit.after_create", "reconcile.listed"),
    *("ledger.after_commit.reserve", "collect.before_settle"),
)
FAULTS = ("create #1 drop after", "create #1 lands late", "create #1 drop before")
Case = tuple[int, str, str, str]


@parts
def test_a_jump_of_the_wall_clock_costs_nothing(part: int, zygote: Zygote, tally: Tally) -> None:
    cases: list[Case] = [
        (jump, place, fault, lists)
        for jump in JUMPS
        for place in PLACES
        for fault, lists in zip(FAULTS, ("lists lag", "prompt lists", "lists lag"), strict=True)
    ]
    cases = chosen("clock jumps", cases, 12, part)
    tally.play("clock jumps", cases, lambda case: jumped(zygote, case))


def jumped(zygote: Zygote, case: Case) -> list[str]:
    jump, place, fault, lists = case
    with World(zygote, 4, faults=plan(fault, lists)) as world:
        world.run(kill=(place, 1))
        world.time.jump(jump)
        for _ in range(3):  # a person tries again at once, and again
            world.run("submit", str(world.data), "--yes")
        world.skip(max(0, -jump))  # a clock that was set back is waited for
        world.recover()
        world.judge.rest()
        return world.judge.found
