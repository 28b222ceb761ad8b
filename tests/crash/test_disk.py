"""No room: files that may not grow, and a disk that is full. Afterwards the run goes on."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.crash.cases import Tally, chosen, parts
from tests.crash.rig import World
from tests.crash.zygote import Zygote

_STORAGE = 7


@parts
def test_a_limit_on_file_size_costs_nothing(part: int, zygote: Zygote, tally: Tally) -> None:
    limits = chosen("RLIMIT_FSIZE", range(12_288, 600_000, 12_288), 6, part)
    tally.play("RLIMIT_FSIZE", limits, lambda limit: limited(zygote, limit))


def limited(zygote: Zygote, limit: int) -> list[str]:
    with World(zygote, 4) as world:
        code = world.run(file_limit=limit)
        _expect_storage(world, code)
        world.recover()
        world.judge.rest()
        return world.judge.found


@parts
def test_a_full_disk_costs_nothing(part: int, zygote: Zygote, tally: Tally) -> None:
    if not _can_mount(zygote):
        return  # without the right to mount there is no small disk
    sizes = chosen("small tmpfs", range(8, 800, 16), 6, part)
    tally.play("small tmpfs", sizes, lambda size: full(zygote, size))


def _can_mount(zygote: Zygote) -> bool:
    with World(zygote, 1) as world:
        world.workspace.mkdir()
        done = _mount(world.workspace, 64)
        if done:
            _unmount(world.workspace)
        return done


def full(zygote: Zygote, kilobytes: int) -> list[str]:
    with World(zygote, 4) as world:
        world.workspace.mkdir()
        assert _mount(world.workspace, kilobytes)
        try:
            _expect_storage(world, world.run())
            _expect_storage(world, world.run())
            _call("mount", "-o", "remount,size=64m", str(world.workspace))
            world.recover()
            world.judge.rest()
            return world.judge.found
        finally:
            _unmount(world.workspace)


def _expect_storage(world: World, code: int) -> None:
    if code not in (0, 3, _STORAGE):
        world.judge.fault(f"exit {code}: {world.said[-900:]}")
    if code == _STORAGE and not any(
        words in world.said for words in ("nothing is lost", "free some space", "limit")
    ):
        world.judge.fault(f"no advice: {world.said[-500:]}")


def _mount(folder: Path, kilobytes: int) -> bool:
    return _call("mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder))


def _unmount(folder: Path) -> None:
    assert _call("umount", "-l", str(folder))


def _call(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def test_a_deleted_or_damaged_shard_file_is_made_again(zygote: Zygote, tally: Tally) -> None:
    places = [
        *(("ledger.after_commit.seal", n) for n in (1, 2)),
        *(("ledger.after_commit.reserve", 1), ("ledger.after_commit.uploaded", 1)),
        *(("submit.before_create", 1), ("submit.after_create", 1)),
        ("ledger.after_commit.submitted", 2),
    ]
    cases = [(place, damage) for place in places for damage in ("deleted", "damaged", "folder")]
    tally.play("shard file lost", cases, lambda case: damaged(zygote, *case))


def damaged(zygote: Zygote, place: tuple[str, int], damage: str) -> list[str]:
    with World(zygote, 4) as world:
        world.run(kill=place)
        for path in world.workspace.glob("shards/*.jsonl"):
            if damage == "damaged":
                path.write_bytes(path.read_bytes()[:-20] + b"x" * 20)
            else:
                path.unlink()
        if damage == "folder":
            for path in world.workspace.glob("shards/*"):
                path.unlink()
            (world.workspace / "shards").rmdir()
        world.recover()
        world.judge.rest()
        return world.judge.found
