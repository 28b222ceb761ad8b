"""Two copies of one workspace at work at the same time: copied at every step of a run, and each
goes on."""

from __future__ import annotations

import shutil

import pytest

from tests.crash.cases import Tally, chosen, parts
from tests.crash.rig import World
from tests.crash.scenes import SCENES, visits
from tests.crash.zygote import Zygote

Place = tuple[str, int]
SHARD = 2
"""Images of one shard, which two copies that meet between look and call may both buy."""


@pytest.mark.parametrize("scene", ["first run", "second night"])
@pytest.mark.parametrize("decision", ["twin", "new-identity"])
@parts
def test_a_twin_is_noticed_before_the_next_create_call(
    scene: str, decision: str, part: int, zygote: Zygote, tally: Tally
) -> None:
    group = f"twins: {scene}, {decision}"
    cases = chosen(group, visits(zygote, scene), 4, part, most=60)
    tally.play(group, cases, lambda place: met(zygote, scene, decision, place))


def met(zygote: Zygote, name: str, decision: str, place: Place) -> list[str]:
    """One copy stands still at `place`, the other one runs to its end, then the first goes on."""
    scene = SCENES[name]
    with scene.open(zygote) as world:
        scene.prepare(world)
        judge = world.judge
        judge.may_pay_twice, judge.ledger_is_whole = True, False
        first = world.start(world.task(pause=place))
        if not world.keeper.paused.wait(30):
            judge.fault(f"{place} was not reached: {world.said[-500:]}")
        if not (world.workspace / "workspace.json").exists():
            return []  # not a workspace yet: what is copied here has no id to share
        before = len(world.server.bill.rows())
        _run_copy(world, zygote)
        bought = len(world.server.bill.rows()) - before
        spoken = len(world.said)
        world.keeper.resume.set()
        code = world.wait(first)
        if code not in (0, 5):
            judge.fault(f"the first copy: exit {code}: {world.said[-800:]}")
        if code == 5 and "another copy of this workspace" not in world.said[spoken:]:
            judge.fault(f"exit 5 without a word of the other copy: {world.said[-800:]}")
        twice = sum(times > 1 for times in world.server.bill.times_billed().values())
        most = SHARD if place[0] in _BETWEEN else 0
        if twice > most:
            judge.fault(f"{twice} images were bought twice, the copy bought {bought}")
        if code == 5 and "another copy of this workspace" in world.said:
            _decide(world, decision, twice)
        world.recover()
        if {row["outcome"] for row in judge.table()} - {"captioned", "duplicate"}:
            judge.fault("not all are captioned in the end")
        return judge.found


_BETWEEN = ("ledger.before_commit.creating", "ledger.after_commit.creating", "submit.before_create")
"""Places between the look for a twin and the create call."""


def _run_copy(world: World, zygote: Zygote) -> None:
    """Run the workspace's copy until nothing is left to do."""
    mine, world.workspace = world.workspace, world.root / "copy"
    shutil.copytree(mine, world.workspace)
    code = zygote.wait(world.start(world.task()))
    if code not in (0, 3):
        world.judge.fault(f"the copy: exit {code}: {world.said[-800:]}")
    world.workspace = mine


def _decide(world: World, decision: str, twice: int) -> None:
    """Decide as a person, after a run that must refuse once more."""
    if world.run() not in (0, 5):
        world.judge.fault(f"it goes on although nobody has decided: {world.said[-500:]}")
    if world.run("resolve", decision) != 0:
        world.judge.fault(f"resolve {decision}: {world.said[-500:]}")
    for path in (world.root / "copy" / "raw").iterdir():
        if not (world.workspace / "raw" / path.name).exists():
            shutil.copy(path, world.workspace / "raw")
    if decision == "twin":
        world.recover()
        after = sum(times > 1 for times in world.server.bill.times_billed().values())
        if after > twice:
            world.judge.fault(f"{after} images are bought twice after the decision")
