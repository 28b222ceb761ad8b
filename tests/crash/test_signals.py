"""Ctrl-C and SIGTERM: once stops between two transactions, twice at once."""

from __future__ import annotations

import signal

import pytest

from tests.crash.cases import Tally, chosen, parts
from tests.crash.rig import World
from tests.crash.scenes import visits
from tests.crash.zygote import Zygote

INTERRUPTED = 130
Case = tuple[str, int]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@parts
def test_one_signal_stops_between_transactions(
    number: signal.Signals, part: int, zygote: Zygote, tally: Tally
) -> None:
    group = f"{number.name} once"
    cases = chosen(group, visits(zygote, "first run"), 5, part, most=60)
    tally.play(group, cases, lambda case: stopped(zygote, case, number, times=1))


@parts
def test_a_second_signal_ends_at_once(part: int, zygote: Zygote, tally: Tally) -> None:
    cases = chosen("SIGINT twice", visits(zygote, "first run"), 5, part, most=60)
    tally.play("SIGINT twice", cases, lambda case: stopped(zygote, case, signal.SIGINT, times=2))


def stopped(zygote: Zygote, case: Case, number: signal.Signals, times: int) -> list[str]:
    name, visit = case
    with World(zygote, 5) as world:
        code = world.run(stop=(name, visit, number, times))
        # the ledger and workspace.json are made before signals are listened to
        early = name.endswith(".migrate") or (name.startswith("files.") and visit == 1)
        if not early and times == 2 and code != INTERRUPTED:
            world.judge.fault(f"exit {code} after two signals")
        if not early and code not in (0, 3, INTERRUPTED):
            world.judge.fault(f"exit {code} after {number.name}: {world.said[-800:]}")
        if "Traceback" in world.said and code != INTERRUPTED and not early:
            world.judge.fault("a traceback was shown")
        world.recover()
        world.judge.rest()
        return world.judge.found


def test_what_is_said_tells_how_to_go_on(zygote: Zygote) -> None:
    with World(zygote, 5) as world:
        code = world.run(stop=("ledger.after_commit.submitted", 1, signal.SIGINT, 1))
        assert code == INTERRUPTED
        assert "nothing is lost" in world.said
        assert "again to go on" in world.said
