"""Services that are late, odd or say nothing, each crossed with kills."""

from __future__ import annotations

from collections import Counter

from pipeline.server.faults import BatchFault, Compat, FaultPlan, LineFault, RequestFault
from tests.crash.cases import Tally, chosen, parts
from tests.crash.rig import World
from tests.crash.scenes import visits
from tests.crash.zygote import Zygote

Kill = tuple[str, int]
Case = tuple[str, Kill | None]

_CONTENT = "/v1/files/*/content"
_ODD = "batches/{id}\0:x%2F.."

HEALING = {
    "late files": FaultPlan(batch=(BatchFault(files_late_seconds=300),)),
    "its own input as output": FaultPlan(batch=(BatchFault(output_is_input=300),)),
    "odd ids": FaultPlan(compat=Compat(batch_ids=_ODD, file_ids=_ODD)),
    "cut after a line, no sizes": FaultPlan(
        request=(RequestFault(action="cut_lines", path=_CONTENT, method="GET", nth=(1, 2)),),
        compat=Compat(no_file_objects=True),
    ),
    "403 and 404 on fresh files": FaultPlan(
        request=(
            RequestFault(action="status", status=403, path=_CONTENT, method="GET", nth=(1, 2)),
            RequestFault(action="status", status=404, path=_CONTENT, method="GET", nth=(3, 4)),
        )
    ),
    "a page for answers": FaultPlan(
        request=(RequestFault(action="page", status=200, path=_CONTENT, method="GET", nth=(1, 2)),)
    ),
    # what says after the grace that requests never ran
    "late files, expired": FaultPlan(
        batch=(BatchFault(files_late_seconds=300, expire_at_fraction=0.5, nth=(1, 2)),)
    ),
    "late counts, expired": FaultPlan(
        batch=(BatchFault(counts_late_seconds=300, expire_at_fraction=0.5, nth=(1, 2)),)
    ),
    "late files and counts, expired": FaultPlan(
        batch=(
            BatchFault(
                files_late_seconds=300, counts_late_seconds=600, expire_at_fraction=0.5, nth=1
            ),
        )
    ),
    "counts in steps, expired": FaultPlan(
        batch=(BatchFault(counts_late_seconds=100, expire_at_fraction=0.5, nth=(1, 2)),)
    ),
}
"""What passes by itself: in the end everything is captioned and the books are the bill."""

LASTING = {
    "a silent line": FaultPlan(line=(LineFault(outcome="silent", times=1),)),
    "a line that is no JSON": FaultPlan(line=(LineFault(outcome="raw", text="<html>", times=1),)),
    "a line left out": FaultPlan(batch=(BatchFault(missing=1, nth=1),)),
}
"""What stays open: one request is never answered, and a person ends it."""


@parts
def test_what_comes_late_is_waited_for(part: int, zygote: Zygote, tally: Tally) -> None:
    cases = chosen("late service", _crossed(zygote, tuple(HEALING)), 8, part, most=300)
    tally.play("late service", cases, lambda case: healed(zygote, case))


@parts
def test_what_is_never_said_is_left_to_a_person(part: int, zygote: Zygote, tally: Tally) -> None:
    cases = chosen("silent service", _crossed(zygote, tuple(LASTING)), 4, part, most=100)
    tally.play("silent service", cases, lambda case: written_off(zygote, case))


def _crossed(zygote: Zygote, names: tuple[str, ...]) -> list[Case]:
    kills = visits(zygote, "first run")
    return [(name, kill) for name in names for kill in (None, *kills)]


def healed(zygote: Zygote, case: Case) -> list[str]:
    name, kill = case
    with World(zygote, 5, faults=HEALING[name]) as world:
        world.run(kill=kill)
        world.recover()
        world.judge.rest()
        return world.judge.found


def written_off(zygote: Zygote, case: Case) -> list[str]:
    name, kill = case
    with World(zygote, 5, faults=LASTING[name]) as world:
        world.run(kill=kill)
        world.recover(done=(5,))
        bought = len(world.server.bill.rows())
        if world.run("resolve", "write-off") != 0:
            world.judge.fault(f"no way on: {world.said[-500:]}")
        world.recover()
        outcomes = Counter(row["outcome"] for row in world.judge.table())
        if outcomes != {"captioned": 4, "missing": 1}:
            world.judge.fault(f"outcomes {dict(outcomes)}")
        if len(world.server.bill.rows()) != bought:
            world.judge.fault("something was bought again")
        world.judge.look()
        return world.judge.found
