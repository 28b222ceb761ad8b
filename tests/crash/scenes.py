"""Scenes: a world up to the moment of interest, and the run that something happens to."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.server.faults import BatchFault, FaultPlan
from tests.crash.rig import World
from tests.crash.zygote import Zygote


@dataclass(frozen=True)
class Scene:
    """A scene.

    Attributes:
        name: in the table.
        open: makes the world.
        prepare: what happened before.
        verb: the command line of the run of interest, () for `run`.
    """

    name: str
    open: Callable[[Zygote], World]
    prepare: Callable[[World], None] = lambda _world: None
    verb: Callable[[World], tuple[str, ...]] = lambda _world: ()


def _second_night(world: World) -> None:
    assert world.run() == 0
    (world.data / "0.jpg").rename(world.data / "renamed.jpg")
    world.add({"copy.jpg": 1, "new/10.jpg": 10, "new/11.jpg": 11})
    world.skip(86_400)


def _other_prompt(world: World) -> None:
    assert world.run("submit", str(world.data), "--yes") in (0, 3)
    world.judge.prompt_changed = True
    world.settings["prompt.user"] = '"Another prompt."'
    world.add({"new.jpg": 20})


def _under_way(world: World) -> None:
    assert world.run("submit", str(world.data), "--yes") in (0, 3)
    world.skip(3600)
    world.serve()


def _troubled(zygote: Zygote) -> World:
    """The queue is full at first, one batch expires halfway, one is shown with odd files."""
    faults = FaultPlan(
        batch=(
            BatchFault(nth=1, fail="token_limit_exceeded"),
            BatchFault(nth=2, expire_at_fraction=0.5),
            BatchFault(nth=3, empty_ids=True, duplicated=1),
        )
    )
    return World(zygote, 5, faults=faults)


def _seldom(zygote: Zygote) -> World:
    return World(zygote, 3, settings={"batch.max_requests": 10})


SCENES = {
    scene.name: scene
    for scene in (
        Scene("first run", lambda zygote: World(zygote, 5)),
        Scene("second night", lambda zygote: World(zygote, 4), _second_night),
        Scene("another prompt", lambda zygote: World(zygote, 3), _other_prompt),
        Scene("collect", _seldom, _under_way, lambda _world: ("collect",)),
        Scene("submit", _seldom, verb=lambda world: ("submit", str(world.data), "--yes")),
        Scene("troubled batches", _troubled),
    )
}


@functools.cache
def visits(zygote: Zygote, scene: str) -> Sequence[tuple[str, int]]:
    """Every (failpoint, visit) of the scene's run, found by running it once."""
    chosen = SCENES[scene]
    with chosen.open(zygote) as world:
        chosen.prepare(world)
        path: Path = world.root / "trace"
        code = world.run(*chosen.verb(world), trace=path)
        assert code in (0, 3), world.said
        seen: Counter[str] = Counter()
        found = []
        for name in path.read_text().split():
            seen[name] += 1
            found.append((name, seen[name]))
    return found
