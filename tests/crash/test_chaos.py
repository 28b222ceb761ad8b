"""Several nights of chance: kills, faults, new images, renames, copies, prompts, tight caps."""

from __future__ import annotations

import random

from pipeline.server.faults import BatchFault, FaultPlan, LineFault, ListFaults
from tests.crash.cases import Tally, chosen, parts
from tests.crash.plans import every_fault
from tests.crash.rig import USD, World
from tests.crash.scenes import visits
from tests.crash.zygote import Zygote

_BATCHES = (
    BatchFault(fail="token_limit_exceeded", times=1),
    BatchFault(expire_at_fraction=0.5, times=1),
    BatchFault(fail="server_error", times=1),
    BatchFault(list_lag_seconds=40),
    BatchFault(finalizing_seconds=400, times=1),
    BatchFault(duplicated=1),
    BatchFault(alien=1),
)
_NIGHTS = 3


@parts
def test_nights_of_chance_cost_nothing(part: int, zygote: Zygote, tally: Tally) -> None:
    seeds = chosen("chaos", range(150), 8, part)
    tally.play("chaos", seeds, lambda seed: nights(zygote, seed))


def nights(zygote: Zygote, seed: int) -> list[str]:
    dice = random.Random(seed)
    places = list(visits(zygote, "first run"))
    faults = list(every_fault().values())
    plan = FaultPlan(
        seed=seed,
        request=tuple(dice.sample(faults, 4)),
        batch=tuple(dice.sample(_BATCHES, 2)),
        line=(LineFault(outcome="server_error", probability=0.1, times=2),),
        listing=ListFaults(lag_seconds=dice.choice((0, 30)), page_size=dice.choice((None, 2))),
    )
    if dice.random() < 0.5 or plan.listing.lag_seconds:
        # a service that says no and does it all the same must at least show it in its list
        honest = tuple(f for f in plan.request if not (f.after_effect and f.status < 500))
        plan = plan.model_copy(update={"request": honest})
    with World(zygote, dice.randint(2, 6), faults=plan) as world:
        number = 30
        for _ in range(_NIGHTS):
            number = _something_new(world, dice, number)
            world.cap = dice.choice((world.cap, 10 * USD))
            for _ in range(dice.randint(1, 3)):
                kill = dice.choice(places) if dice.random() < 0.7 else None
                world.run(kill=kill)
                world.skip(dice.choice((0, 5, 100, 4000)))
            world.skip(86_400)
        world.server.faults.clear()
        world.recover()
        world.judge.rest()
        return world.judge.found


def _something_new(world: World, dice: random.Random, number: int) -> int:
    names = sorted(path for path in world.data.rglob("*") if path.is_file())
    for _ in range(dice.randint(0, 2)):
        number += 1
        world.add({f"sub{number % 2}/{number}.jpg": number})
    number += 1  # a name is never used twice: what was paid for a file that is replaced has no row
    if dice.random() < 0.4:
        dice.choice(names).rename(world.data / f"moved-{number}.jpg")
    if dice.random() < 0.3:
        name = dice.choice([path for path in names if path.exists()] or [None])
        if name is not None:
            (world.data / f"copy-{number}.jpg").write_bytes(name.read_bytes())
    if dice.random() < 0.15:
        world.judge.prompt_changed = True
        world.settings["prompt.user"] = f'"Prompt {number}."'
    return number


@parts
def test_a_tight_cap_is_never_passed_and_work_goes_on_when_it_is_raised(
    part: int, zygote: Zygote, tally: Tally
) -> None:
    cases = chosen("tight caps", range(80), 8, part)
    tally.play("tight caps", cases, lambda seed: capped(zygote, seed))


def capped(zygote: Zygote, seed: int) -> list[str]:
    dice = random.Random(seed)
    places = list(visits(zygote, "first run"))
    cap = dice.randint(0, 500_000)
    faults = FaultPlan(request=tuple(dice.sample(list(every_fault().values()), 2)))
    with World(zygote, 6, cap=cap, faults=faults) as world:
        for _ in range(4):
            world.run(kill=dice.choice(places) if dice.random() < 0.5 else None)
            world.skip(dice.choice((0, 200, 4000)))
        world.server.faults.clear()
        world.recover((0, 4))
        world.cap = 10 * USD
        world.recover()
        world.judge.rest()
        return world.judge.found
