"""An older copy of the ledger is put back: at every step of a run's life."""

from __future__ import annotations

import pytest

from tests.crash.cases import Tally, chosen, parts
from tests.crash.rig import World
from tests.crash.scenes import SCENES, visits
from tests.crash.zygote import Zygote

# how the copy comes back: (settings, the rest of the run is over before)
WAYS = {
    "after the run": ({}, True),
    "files kept at the service": ({"batch.delete_remote_files": False}, True),
    "while batches run": ({}, False),
}


@pytest.mark.parametrize(
    "scene", ["first run", "second night", "another prompt", "troubled batches"]
)
@pytest.mark.parametrize("way", WAYS)
@parts
def test_an_older_ledger_pays_nothing_again(
    scene: str, way: str, part: int, zygote: Zygote, tally: Tally
) -> None:
    group = f"restore: {scene}, {way}"
    cases = chosen(group, visits(zygote, scene), 3, part, most=60)
    tally.play(group, cases, lambda place: restored(zygote, scene, way, place))


def restored(
    zygote: Zygote, name: str, way: str, place: tuple[str, int], mutant: str | None = None
) -> list[str]:
    scene, (settings, over) = SCENES[name], WAYS[way]
    with scene.open(zygote) as world:
        world.mutant = mutant
        world.settings.update(settings)
        scene.prepare(world)
        copy = world.root / "copy"
        if over:
            world.run(*scene.verb(world), copy=(*place, copy))
            world.recover()
        else:
            # killed a little later: batches are under way that the copy knows nothing of
            world.run("submit", str(world.data), "--yes", copy=(*place, copy))
        world.go_back(copy)
        world.recover()
        world.judge.rest()
        return world.judge.found


def test_a_restored_ledger_waits_for_a_person_when_nothing_tells_what_was_bought(
    zygote: Zygote,
) -> None:
    assert blind(zygote) == []


def blind(zygote: Zygote, mutant: str | None = None) -> list[str]:
    with World(zygote, 3, settings={"batch.keep_raw": False}, mutant=mutant) as world:
        copy = world.root / "copy"
        world.run(copy=("write.before_seal", 1, copy))
        world.judge.ledger_is_whole = False
        world.restore(copy)
        if [world.run(), world.run()] != [5, 5] or "resolve write-off" not in world.said:
            world.judge.fault(f"no person was asked: {world.said[-500:]}")
        world.judge.ledger_is_whole = True
        world.judge.look()
        # the person takes the risk: everything is bought again, and both payments are booked
        world.judge.may_pay_twice = True
        if world.run("resolve", "write-off") != 0 or world.run() != 0:
            world.judge.fault(f"no way on: {world.said[-500:]}")
        world.judge.look()
        if {row["outcome"] for row in world.judge.table()} != {"captioned"}:
            world.judge.fault("not all captioned in the end")
        return world.judge.found


def test_a_shard_of_an_older_ledger_is_not_sent_when_its_images_went_in_another(
    zygote: Zygote,
) -> None:
    assert overtaken(zygote) == []


def overtaken(zygote: Zygote, mutant: str | None = None) -> list[str]:
    with World(zygote, 2, settings={"batch.keep_shards": True}, mutant=mutant) as world:
        copy, first = world.root / "copy", world.settings
        world.judge.prompt_changed = True
        world.run(copy=("ledger.after_commit.seal", 1, copy), kill=("write.after_seal", 1))
        # another prompt takes the shard apart; with the first one the images go in a new shard
        world.settings = {**first, "prompt.user": '"Another prompt."'}
        world.run()
        world.settings = first
        world.run("submit", str(world.data), "--yes")
        world.judge.ledger_is_whole = False
        world.restore(copy)
        world.run()
        world.judge.ledger_is_whole = True
        world.recover()
        world.judge.rest()
        return world.judge.found
