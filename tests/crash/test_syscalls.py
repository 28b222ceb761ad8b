"""Under strace: what is durable before it counts; killed and failing at single system calls."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.crash.cases import Tally, chosen, parts
from tests.crash.rig import KILLED, World
from tests.crash.watched import STRACE, SYNC, run_watched, unsynced
from tests.crash.zygote import Zygote

pytestmark = pytest.mark.skipif(STRACE is None, reason="needs strace")

Case = tuple[str, str, int]
_CALLS = ("fdatasync", "fsync", "pwrite64", "rename", "unlink", "ftruncate", "sendto")
_ERRORS = {"fdatasync": "EIO", "fsync": "EIO", "pwrite64": "ENOSPC", "rename": "ENOSPC"}
_STORAGE = 7


def test_nothing_counts_before_it_is_durable(zygote: Zygote, tally: Tally) -> None:
    tally.play("synced before sent", [4, 9], lambda images: synced(zygote, images))


def synced(zygote: Zygote, images: int, mutant: str | None = None) -> list[str]:
    with World(zygote, images, mutant=mutant) as world:
        code, trace = run_watched(world, "-e", SYNC)
        creates = trace.read_text(errors="replace").count("POST /v1/batches HTTP")
        if code != 0 or not creates:
            world.judge.fault(f"exit {code}, {creates} create calls seen: {world.said[-500:]}")
        return [*world.judge.found, *unsynced(trace)]


@parts
def test_a_kill_at_a_system_call_costs_nothing(part: int, zygote: Zygote, tally: Tally) -> None:
    cases = chosen("strace: kill", _cases(zygote, kill=True), 8, part)
    tally.play("strace: kill", cases, lambda case: injected(zygote, case))


@parts
def test_a_disk_that_fails_costs_nothing(part: int, zygote: Zygote, tally: Tally) -> None:
    cases = chosen("strace: EIO, ENOSPC", _cases(zygote, kill=False), 8, part)
    tally.play("strace: EIO, ENOSPC", cases, lambda case: injected(zygote, case))


def _cases(zygote: Zygote, *, kill: bool) -> list[Case]:
    with World(zygote, 3) as world:
        _, trace = run_watched(world, "-e", f"trace={','.join(_CALLS)}")
        lines = trace.read_text(errors="replace").split("\n")
    seen = Counter(line.split()[1].partition("(")[0] for line in lines if len(line.split()) > 1)
    return [
        (call, "signal=KILL" if kill else f"error={_ERRORS[call]}", number)
        for call in _CALLS
        if kill or call in _ERRORS
        for number in range(1, seen[call] + 1)
    ]


def injected(zygote: Zygote, case: Case) -> list[str]:
    call, what, number = case
    with World(zygote, 3) as world:
        options = ("-e", f"trace={call}", "-e", f"inject={call}:{what}:when={number}")
        code, _ = run_watched(world, *options)
        if "error" in what and code not in (0, 3, _STORAGE):
            world.judge.fault(f"exit {code}: {world.said[-900:]}")
        if "error" not in what and code not in (0, KILLED):
            world.judge.fault(f"exit {code}: {world.said[-900:]}")
        world.recover()
        world.judge.rest()
        return world.judge.found
