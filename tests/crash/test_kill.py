"""kill -9 at every failpoint, at each visit; and once more during the recovery."""

from __future__ import annotations

import pytest

from tests.crash.cases import Tally, chosen, parts
from tests.crash.rig import KILLED
from tests.crash.scenes import SCENES, visits
from tests.crash.zygote import Zygote


@pytest.mark.parametrize("scene", SCENES)
@parts
def test_a_kill_anywhere_costs_nothing(scene: str, part: int, zygote: Zygote, tally: Tally) -> None:
    group = f"kill: {scene}"
    cases = chosen(group, visits(zygote, scene), 10, part, most=None)
    tally.play(group, cases, lambda kill: killed(zygote, scene, kill))


def killed(zygote: Zygote, name: str, kill: tuple[str, int]) -> list[str]:
    scene = SCENES[name]
    with scene.open(zygote) as world:
        scene.prepare(world)
        code = world.run(*scene.verb(world), kill=kill)
        if code != KILLED and kill[1] == 1:
            world.judge.fault(f"{kill} was not reached: exit {code}")
        world.recover()
        world.judge.rest()
        return world.judge.found
