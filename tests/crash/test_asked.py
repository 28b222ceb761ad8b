"""Requests that are asked online: killed anywhere, under faults, with older ledgers put back.

A kill costs at most the requests in flight. Each of them is booked at its highest cost, is said,
and is not asked again by itself, so that bill <= exposure <= cap at every instant here too.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

import pytest

from pipeline.server.faults import FaultPlan, RequestFault
from tests.crash.cases import Tally, chosen, parts
from tests.crash.plans import billed_answers, online_faults
from tests.crash.rig import KILLED, USD, World
from tests.crash.scenes import ONLINE_SCENES, scene_of, visits
from tests.crash.zygote import Zygote

Kill = tuple[str, int]
IN_FLIGHT = 2
RUN = "online run"

# around what may be billed: the reservation, the journal, the answer, the settling
_MONEY = (
    *("ledger.before_commit.online_begin", "ledger.after_commit.online_begin"),
    *("online.before_card", "online.before_post", "online.before_append", "online.answered"),
    *("online.before_settle", "ledger.before_commit.settle", "ledger.after_commit.settle"),
    "online.settled",
)


@pytest.mark.parametrize("scene", ONLINE_SCENES)
@parts
def test_a_kill_costs_at_most_what_was_in_flight(
    scene: str, part: int, zygote: Zygote, tally: Tally
) -> None:
    group = f"online, kill: {scene}"
    cases = chosen(group, visits(zygote, scene), 2, part, most=None)
    tally.play(group, cases, lambda kill: killed(zygote, scene, (kill,)))


@parts
def test_kills_in_a_row_cost_at_most_what_was_in_flight_each_time(
    part: int, zygote: Zygote, tally: Tally
) -> None:
    dice, places = random.Random(11), list(visits(zygote, RUN))
    pairs = [tuple(dice.choice(places) for _ in range(dice.choice((2, 2, 3)))) for _ in range(120)]
    cases = chosen("online, double kill", pairs, 2, part)
    tally.play("online, double kill", cases, lambda kills: killed(zygote, RUN, kills))


@parts
def test_a_fault_of_the_service_costs_at_most_its_request(
    part: int, zygote: Zygote, tally: Tally
) -> None:
    cases = chosen("online, fault", [(name, None) for name in online_faults()], 4, part)
    tally.play("online, fault", cases, lambda case: faulted(zygote, *case))


@parts
def test_a_fault_and_a_kill_cost_at_most_what_was_in_flight(
    part: int, zygote: Zygote, tally: Tally
) -> None:
    crossed = [(name, (place, n)) for name in online_faults() for place in _MONEY for n in (1, 2)]
    cases = chosen("online, fault x kill", crossed, 4, part, most=200)
    tally.play("online, fault x kill", cases, lambda case: faulted(zygote, *case))


@pytest.mark.parametrize("kill_first", [False, True])
@parts
def test_an_older_ledger_asks_nothing_again(
    part: int, kill_first: bool, zygote: Zygote, tally: Tally
) -> None:
    group = f"online, restore: {'killed' if kill_first else 'over'}"
    # a copy is taken where the ledger's own thread is
    places = [v for v in visits(zygote, RUN) if not v[0].startswith("online.before_post")]
    cases = chosen(group, places, 2, part, most=60)
    tally.play(group, cases, lambda place: restored(zygote, place, kill_first))


@parts
def test_a_lost_ledger_is_rebuilt_with_what_was_asked(
    part: int, zygote: Zygote, tally: Tally
) -> None:
    cases = chosen("online, lost ledger", visits(zygote, RUN), 2, part, most=60)
    tally.play("online, lost ledger", cases, lambda kill: rebuilt(zygote, kill))


@parts
def test_a_billed_answer_that_does_not_say_so_is_booked_and_not_asked_for_again(
    part: int, zygote: Zygote, tally: Tally
) -> None:
    kills: list[Kill | None] = [None, *((place, n) for place in _MONEY for n in (1, 2))]
    crossed = [(name, kill) for name in billed_answers() for kill in kills]
    cases = chosen("online, billed answer x kill", crossed, 8, part, most=200)
    tally.play("online, billed answer x kill", cases, lambda case: unsaid(zygote, *case))


@parts
def test_nights_of_chance_online_cost_at_most_what_was_in_flight(
    part: int, zygote: Zygote, tally: Tally
) -> None:
    cases = chosen("online, chaos", range(80), 2, part)
    tally.play("online, chaos", cases, lambda seed: nights(zygote, seed))


def killed(zygote: Zygote, name: str, kills: tuple[Kill, ...]) -> list[str]:
    scene = scene_of(name)
    with scene.open(zygote) as world:
        scene.prepare(world)
        for kill in kills:
            code = world.run(*scene.verb(world), kill=kill)
            if code != KILLED and kill[1] == 1 and len(kills) == 1:
                world.judge.fault(f"{kill} was not reached: exit {code}")
        world.recover()
        world.judge.rest(lost=IN_FLIGHT * len(kills))
        return world.judge.found


def faulted(zygote: Zygote, name: str, kill: Kill | None) -> list[str]:
    fault = online_faults()[name]
    settings = {"provider.name": "openai_online", "online.in_flight": IN_FLIGHT}
    with World(zygote, 5, settings=settings, faults=FaultPlan(request=(fault,))) as world:
        world.run(kill=kill)
        world.recover()
        refused = None
        if fault.action == "status" and fault.status in (400, 404):
            refused = Counter(row["outcome"] for row in world.judge.table())
            if refused["failed"] > 1 or set(refused) - {"captioned", "failed", "missing"}:
                world.judge.fault(f"outcomes {dict(refused)}")
        world.judge.rest(refused, lost=1 + IN_FLIGHT * (kill is not None))
        return world.judge.found


def unsaid(zygote: Zygote, name: str, kill: Kill | None) -> list[str]:
    settings = {"provider.name": "openai_online", "online.in_flight": IN_FLIGHT}
    with World(zygote, 5, settings=settings, faults=billed_answers()[name]) as world:
        world.run(kill=kill)
        world.recover()
        outcomes = Counter(row["outcome"] for row in world.judge.table())
        if set(outcomes) - {"captioned", "failed", "missing"} or outcomes["failed"] > 1:
            world.judge.fault(f"outcomes {dict(outcomes)}")
        world.judge.rest(outcomes, lost=1 + IN_FLIGHT * (kill is not None), dearer=True)
        return world.judge.found


def restored(zygote: Zygote, place: Kill, kill_first: bool) -> list[str]:
    with scene_of(RUN).open(zygote) as world:
        copy = world.root / "copy"
        world.run(copy=(*place, copy), kill=("online.settled", 2) if kill_first else None)
        if not kill_first:
            world.recover()
        world.go_back(copy)
        world.recover()
        world.judge.rest(lost=IN_FLIGHT * kill_first)
        return world.judge.found


def rebuilt(zygote: Zygote, kill: Kill) -> list[str]:
    with scene_of(RUN).open(zygote) as world:
        world.run(kill=kill)
        world.lose_ledger()
        world.rebuild()
        world.recover()
        world.judge.rest(lost=IN_FLIGHT)
        return world.judge.found


def nights(zygote: Zygote, seed: int) -> list[str]:
    """Online and in batches by turns, with kills, faults, new images and tight caps."""
    dice, places = random.Random(seed), list(visits(zygote, RUN))
    faults = dice.sample(list(_passing()), 3)
    with World(zygote, dice.randint(2, 6), faults=FaultPlan(request=tuple(faults))) as world:
        lost, cap = len(faults), 0
        for night in range(4):
            world.add(
                {f"sub/{night}{n}.jpg": 40 + 10 * night + n for n in range(dice.randint(0, 3))}
            )
            online = dice.random() < 0.7
            world.settings["provider.name"] = "openai_online" if online else "openai"
            world.settings["online.in_flight"] = IN_FLIGHT
            world.cap = max(cap, dice.choice((0, 10 * USD, dice.randint(0, 500_000))))
            cap = world.cap
            kill = dice.choice(places) if dice.random() < 0.7 else None
            lost += IN_FLIGHT * (kill is not None)
            world.run(kill=kill)
            world.skip(dice.choice((5, 4000, 86_400)))
        world.server.faults.clear()
        world.cap = 10 * USD
        world.recover()
        world.judge.rest(lost=lost)
        return world.judge.found


def _passing() -> Iterator[RequestFault]:
    """Faults after which an image is captioned or lost, never refused."""
    for fault in online_faults().values():
        if not (fault.action == "status" and fault.status in (400, 404)):
            yield fault


def test_every_place_around_the_money_is_reached(zygote: Zygote) -> None:
    assert {place for place, _ in visits(zygote, RUN)} >= set(_MONEY)
