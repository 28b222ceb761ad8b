"""Two runs at once on one workspace: one works, the other is told to wait."""

from __future__ import annotations

from tests.crash.cases import Tally, chosen, parts
from tests.crash.rig import KILLED, World
from tests.crash.scenes import visits
from tests.crash.zygote import Zygote

BUSY = 75


@parts
def test_the_second_run_is_busy(part: int, zygote: Zygote, tally: Tally) -> None:
    places = [place for place in visits(zygote, "first run") if place[1] <= 2]
    cases = chosen("two runs", places, 6, part)
    tally.play("two runs", cases, lambda place: together(zygote, place, kill=False))
    tally.play("two runs, one killed", cases, lambda place: together(zygote, place, kill=True))


def together(zygote: Zygote, place: tuple[str, int], *, kill: bool) -> list[str]:
    with World(zygote, 5) as world:
        # the first one stands still at `place`, and may die right there
        first = world.start(world.task(pause=place, kill=place if kill else None))
        if not world.keeper.paused.wait(30):
            world.judge.fault(f"{place} was not reached: {world.said[-500:]}")
        code = world.run()
        if code != BUSY:
            world.judge.fault(f"the second run: exit {code}")
        if "another captionmill is at work" not in world.said:
            world.judge.fault(f"the second run said {world.said[-300:]}")
        world.keeper.resume.set()
        code = world.wait(first)
        if code != (KILLED if kill else 0):
            world.judge.fault(f"the first run: exit {code}: {world.said[-800:]}")
        world.recover()
        world.judge.rest()
        return world.judge.found
