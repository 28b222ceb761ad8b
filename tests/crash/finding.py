"""Which cases find which mutant: the same cases pass with the product as it is.

`python -m tests.crash.finding` (make mutants) plays them and prints a table.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from functools import partial

from pipeline.server.faults import FaultPlan, LineFault
from tests.crash import test_captions, test_restore, test_syscalls
from tests.crash.breakages import BREAKAGES
from tests.crash.mutants import MUTANTS
from tests.crash.plans import plan
from tests.crash.rig import World
from tests.crash.scenes import SCENES
from tests.crash.zygote import Zygote

Find = Callable[[Zygote, str | None], Sequence[str]]


def _faulted(
    zygote: Zygote,
    mutant: str | None,
    fault: str,
    lists: str = "lists lag",
    kill: tuple[str, int] | None = None,
) -> list[str]:
    with World(zygote, 4, faults=plan(fault, lists), mutant=mutant) as world:
        world.run(kill=kill)
        world.recover()
        world.judge.rest()
        return world.judge.found


def _looked_too_soon(zygote: Zygote, mutant: str | None) -> list[str]:
    """The list shows the batch after 150 s; somebody looks after 125 and 130."""
    faults = plan("create #1 drop after", "lists lag for long")
    with World(zygote, 2, faults=faults, mutant=mutant) as world:
        for wait in (125, 5, 5):
            world.run("submit", str(world.data), "--yes")
            world.skip(wait)
        world.recover()
        world.judge.rest()
        return world.judge.found


def _unbooked(zygote: Zygote, mutant: str | None) -> list[str]:
    """Killed right after a create call; the batch runs while nobody looks."""
    with World(zygote, 2, mutant=mutant) as world:
        world.run(kill=("submit.after_create", 1))
        world.skip(3600)
        world.serve()
        world.judge.look()
        return world.judge.found


def _killed(zygote: Zygote, mutant: str | None, scene: str, kill: tuple[str, int]) -> list[str]:
    chosen = SCENES[scene]
    with chosen.open(zygote) as world:
        world.mutant = mutant
        chosen.prepare(world)
        world.run(*chosen.verb(world), kill=kill)
        world.recover()
        world.judge.rest()
        return world.judge.found


def _created(zygote: Zygote, mutant: str | None) -> list[str]:
    """Killed right after a create call that the list shows late."""
    unharmed = "delete #1 drop before"
    return _faulted(zygote, mutant, unharmed, kill=("submit.after_create", 2))


def _errors(zygote: Zygote, mutant: str | None) -> list[str]:
    faults = FaultPlan(line=(LineFault(outcome="server_error", times=2),))
    with World(zygote, 4, faults=faults, mutant=mutant) as world:
        world.recover()
        world.judge.rest()
        return world.judge.found


def _together(zygote: Zygote, mutant: str | None) -> list[str]:
    with World(zygote, 4, mutant=mutant) as world:
        place = ("submit.before_create", 1)
        first = world.start(world.task(pause=place))
        if not world.keeper.paused.wait(30):
            world.judge.fault("the first run does not come to its create call")
        code = world.run()
        world.keeper.resume.set()
        world.wait(first)
        if code != 75:
            world.judge.fault(f"the second run: exit {code}")
        return world.judge.found


def _jumped(zygote: Zygote, mutant: str | None) -> list[str]:
    with World(zygote, 4, faults=plan("create #1 drop after", "lists lag"), mutant=mutant) as world:
        world.run(kill=("reconcile.listed", 2))
        world.time.jump(3600)
        for _ in range(3):
            world.run("submit", str(world.data), "--yes")
            world.time.jump(3600)
        world.recover()
        world.judge.rest()
        return world.judge.found


def _read_while_written(zygote: Zygote, mutant: str | None) -> list[str]:
    with World(zygote, 4, mutant=mutant) as world:
        world.run()
        world.add({"new.jpg": 40})
        world.run(kill=("mutant.opened", 1))
        world.recover()
        world.judge.rest()
        return world.judge.found


_LATE = partial(_faulted, fault="create #1 drop after")
FINDS: dict[str, Find] = {
    "create then save": _created,
    "no grace": _LATE,
    "one listing": _looked_too_soon,
    "release on doubt": _LATE,
    "synchronous normal": lambda zygote, mutant: test_syscalls.synced(zygote, 3, mutant),
    "no fsync": lambda zygote, mutant: test_syscalls.synced(zygote, 3, mutant),
    "splitlines": lambda zygote, mutant: test_captions.told(
        zygote, "line_separators", None, mutant
    ),
    "no error file": _errors,
    "no adoption": lambda zygote, mutant: test_restore.restored(
        zygote, "first run", "after the run", ("reconcile.listed", 1), mutant
    ),
    "retry on create": partial(_faulted, fault="create #1 drop after", lists="prompt lists"),
    "settle in two": partial(_killed, scene="first run", kill=("mutant.between", 1)),
    "reserve after create": _unbooked,
    "missing goes again": test_captions.missing,
    "no attempt in the id": partial(_killed, scene="troubled batches", kill=("none", 1)),
    "copies are strangers": partial(_killed, scene="second night", kill=("none", 1)),
    "no lock": _together,
    "send while blind": test_restore.blind,
    "overtaken is sent": test_restore.overtaken,
    "wall clock": _jumped,
    "table in place": _read_while_written,
}


def main() -> int:
    """Print the table; 1 when a mutant survives or the unharmed product is blamed."""
    zygote, bad = Zygote(), 0
    print(f"{'mutant':<24}{'found':>7}{'unharmed':>10}{'seconds':>9}  what it does")
    for name, mutant in MUTANTS.items():
        began = time.monotonic()
        found, blamed = FINDS[name](zygote, name), FINDS[name](zygote, None)
        bad += not found or bool(blamed)
        print(
            f"{name:<24}{'yes' if found else 'NO':>7}{'BLAMED' if blamed else 'green':>10}"
            f"{time.monotonic() - began:>9.1f}  {mutant.text}"
        )
        for text in blamed:
            print(f"    {text[:300]}")
    zygote.close()
    for breakage in BREAKAGES:
        began = time.monotonic()
        found = breakage.is_found()
        bad += not found
        print(f"{'':<24}{'yes' if found else 'NO':>7}{'':>10}{time.monotonic() - began:>9.1f}  "
              f"{breakage.text}")  # fmt: skip
    print(f"{len(MUTANTS) + len(BREAKAGES)} mutants, {bad} not as it should be")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
