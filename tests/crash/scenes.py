"""Scenes: a world up to the moment of interest, and the run that something happens to."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.server.faults import BatchFault, FaultPlan, LineFault
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


_ONLINE = {"provider.name": "openai_online", "online.in_flight": 2}


def _online(zygote: Zygote) -> World:
    return World(zygote, 5, settings=_ONLINE)


def _background(zygote: Zygote) -> World:
    lane = {"online.tier": "background", "provider.endpoint": "/v1/responses"}
    return World(zygote, 5, settings=_ONLINE | lane | {"online.background_discount": 0.4})


def _batches_before(world: World) -> None:
    """Batches run, and new images are asked online."""
    del world.settings["provider.name"]
    assert world.run("submit", str(world.data), "--yes") in (0, 3)
    world.settings.update(_ONLINE)
    world.add({"new1.jpg": 21, "new2.jpg": 22, "new3.jpg": 23})


def _pilot(world: World) -> tuple[str, ...]:
    page = str(world.root / "pilot.html")
    return ("pilot", str(world.data), "--count", "3", "--page", page, "--yes")


def _last_few(zygote: Zygote) -> World:
    """Two lines of a batch fail and go again, at the flex tier."""
    faults = FaultPlan(line=(LineFault(outcome="server_error", times=2),))
    return World(zygote, 5, settings={"online.flex_last": 5}, faults=faults)


ONLINE_SCENES = {
    scene.name: scene
    for scene in (
        Scene("online run", _online),
        Scene("online second night", _online, _second_night),
        Scene("online beside batches", _online, _batches_before),
        Scene("online in the background", _background),
        Scene("online pilot", _online, verb=_pilot),
        Scene("last few at flex", _last_few),
    )
}


def scene_of(name: str) -> Scene:
    """A scene by its name."""
    return (SCENES | ONLINE_SCENES)[name]


@functools.cache
def visits(zygote: Zygote, scene: str) -> Sequence[tuple[str, int]]:
    """Every (failpoint, visit) of the scene's run, found by running it once."""
    chosen = scene_of(scene)
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
