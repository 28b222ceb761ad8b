"""The ledger is lost altogether: rebuilt from what is here and at the service."""

from __future__ import annotations

import pytest

from tests.crash.cases import Tally, chosen, parts
from tests.crash.rig import World
from tests.crash.scenes import SCENES, visits
from tests.crash.zygote import Zygote
from tests.rebuilt import IMAGE, differences

Case = tuple[str, int]


@pytest.mark.parametrize("scene", ["first run", "second night", "troubled batches"])
@parts
def test_a_ledger_that_is_lost_anywhere_is_rebuilt(
    scene: str, part: int, zygote: Zygote, tally: Tally
) -> None:
    group = f"lost ledger: {scene}"
    cases = chosen(group, visits(zygote, scene), 4, part)
    tally.play(group, cases, lambda case: lost(zygote, scene, case))


@parts
def test_a_rebuild_that_is_killed_is_run_again(part: int, zygote: Zygote, tally: Tally) -> None:
    cases = chosen("killed rebuild", _rebuild_visits(zygote), 6, part)
    tally.play("killed rebuild", cases, lambda case: killed_rebuild(zygote, case))


def lost(zygote: Zygote, name: str, kill: Case) -> list[str]:
    scene = SCENES[name]
    with scene.open(zygote) as world:
        scene.prepare(world)
        world.run(kill=kill)
        world.lose_ledger()
        world.rebuild()
        world.recover()
        world.judge.rest()
        before = world.judge.table()
        world.lose_ledger()
        world.rebuild()
        world.recover()
        world.judge.rest()
        return [*world.judge.found, *differences(before, world.judge.table(), IMAGE)]


def _prepared(world: World) -> None:
    assert world.run() == 0, world.said
    world.add({"new1.jpg": 21, "new2.jpg": 22, "new3.jpg": 23})
    assert world.run(kill=("submit.after_create", 2)) != 0
    world.lose_ledger()


def _rebuild_visits(zygote: Zygote) -> list[Case]:
    with World(zygote, 4) as world:
        _prepared(world)
        trace = world.root / "trace"
        assert world.run("rebuild", trace=trace) == 0, world.said
        names = trace.read_text().split()
    return [(name, names[: place + 1].count(name)) for place, name in enumerate(names)]


def killed_rebuild(zygote: Zygote, kill: Case) -> list[str]:
    with World(zygote, 4) as world:
        _prepared(world)
        world.run("rebuild", kill=kill)
        world.rebuild()
        world.recover()
        world.judge.rest()
        return world.judge.found


def test_without_files_here_the_service_tells_all(zygote: Zygote) -> None:
    settings = {"batch.delete_remote_files": False}
    with World(zygote, 4, settings=settings) as world:
        assert world.run() == 0
        world.lose_ledger()
        for path in [*world.workspace.glob("raw/*"), *world.workspace.glob("shards/*")]:
            path.unlink()
        world.rebuild()
        world.recover()
        world.judge.rest()
        assert world.judge.found == []


def test_without_the_service_the_files_here_tell_all(zygote: Zygote) -> None:
    with World(zygote, 4) as world:
        assert world.run() == 0
        world.lose_ledger()
        world.server.service.database._connection.execute("UPDATE batches SET gone_at = 0")
        world.rebuild()
        world.recover()
        world.judge.rest()
        assert world.judge.found == []


def test_a_lost_ledger_is_said_and_a_sound_one_is_left_alone(zygote: Zygote) -> None:
    with World(zygote, 2) as world:
        assert world.run() == 0
        assert world.run("rebuild") == 2
        assert "is there and sound" in world.said
        world.lose_ledger()
        assert world.run() == 2
        assert "run 'captionmill rebuild --workspace" in world.said
        world.lose_ledger()
        (world.workspace / "ledger.db").write_bytes(b"not a database" * 100)
        world.rebuild()
        world.recover()
        assert world.judge.found == []
