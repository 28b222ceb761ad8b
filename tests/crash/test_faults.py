"""Faults of the service, alone and each crossed with kills."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.server.faults import FaultPlan, ListFaults
from tests.crash.cases import Tally, chosen, parts
from tests.crash.plans import CALLS, LISTS, every_fault, plan
from tests.crash.rig import World
from tests.crash.scenes import visits
from tests.crash.zygote import Zygote

Kill = tuple[str, int]
FaultCase = tuple[str, str, Kill | None]

# around the one call that costs money, and around what finds it again
_MONEY = (
    *("ledger.after_commit.reserve", "submit.before_upload", "submit.after_upload"),
    *("ledger.after_commit.uploaded", "ledger.before_commit.creating", "submit.before_create"),
    *("submit.after_create", "ledger.before_commit.submitted", "reconcile.listed"),
)
_KILLS_A_FAULT = 5


@parts
def test_a_fault_of_the_service_costs_nothing(part: int, zygote: Zygote, tally: Tally) -> None:
    cases: list[FaultCase] = [(name, "prompt lists", None) for name in every_fault()]
    cases = chosen("fault", cases, 20, part, most=None)
    tally.play("fault", cases, lambda case: faulted(zygote, case))


@parts
def test_a_fault_and_a_kill_cost_nothing(part: int, zygote: Zygote, tally: Tally) -> None:
    cases = chosen("fault x kill", list(_crossed(zygote)), 20, part, most=300)
    tally.play("fault x kill", cases, lambda case: faulted(zygote, case))


@parts
def test_a_create_call_without_an_answer_is_found_again(
    part: int, zygote: Zygote, tally: Tally
) -> None:
    cases: list[FaultCase] = [
        (name, lists, kill)
        for name in every_fault()
        if name.startswith("create")
        for lists in LISTS
        for kill in (None, *((place, 1) for place in _MONEY), ("reconcile.listed", 2))
        if (lists, kill) != ("prompt lists", None) and not _lies(name, lists)
    ]
    cases = chosen("create x lists x kill", cases, 20, part, most=300)
    tally.play("create x lists x kill", cases, lambda case: faulted(zygote, case))


def _lies(name: str, lists: str) -> bool:
    """A service that says no, does it all the same, and does not show it in its list."""
    return lists != "prompt lists" and ("400 after" in name or "429 after" in name)


def _crossed(zygote: Zygote) -> Iterator[FaultCase]:
    kills = visits(zygote, "first run")
    for number, name in enumerate(every_fault()):
        for turn in range(_KILLS_A_FAULT):
            yield name, "prompt lists", kills[(number * 7 + turn * 23) % len(kills)]


def faulted(zygote: Zygote, case: FaultCase) -> list[str]:
    name, lists, kill = case
    with World(zygote, 5, faults=plan(name, lists)) as world:
        world.run(kill=kill)
        world.recover()
        world.judge.rest()
        return world.judge.found


def test_every_kind_of_call_is_disturbed(zygote: Zygote) -> None:
    with World(zygote, 3) as world:
        assert world.run() == 0
        seen = {
            (seen.method, seen.path.rpartition("/")[0]) for seen in world.server.bill.requests()
        }
    assert {method for method, _ in seen} == {method for method, _ in CALLS.values()}


def test_beyond_the_promise_both_payments_are_booked_and_no_third_is_made(zygote: Zygote) -> None:
    """The honest limit: a batch that the service hides for longer than the grace period."""
    faults = FaultPlan(
        request=(every_fault()["create #1 drop after"],), listing=ListFaults(lag_seconds=400)
    )
    with World(zygote, 4, faults=faults, cap=None) as world:
        world.judge.may_pay_twice = True
        world.judge.ledger_is_whole = False  # nobody can book what nobody can see
        world.recover()
        world.skip(1000)
        world.serve()
        world.run()
        world.recover()
        world.judge.ledger_is_whole = True
        world.judge.look()
        assert max(world.server.bill.times_billed().values()) == 2
        assert "incident to look at" in world.said
        world.judge.rest()
        assert world.judge.found == []
