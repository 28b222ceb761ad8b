"""Requests handed over as files and answers that come back as files: killed anywhere.

Nothing is handed over twice under another name, merging twice changes nothing, and nothing is lost.
"""

from __future__ import annotations

import functools
import json
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.crash.cases import Tally, chosen, parts
from tests.crash.child import KEY
from tests.crash.rig import KILLED, World
from tests.crash.zygote import Zygote
from tests.server.support import client_for, create, upload

Kill = tuple[str, int]
OVER = (0, 3)


@parts
def test_a_kill_while_files_are_written_hands_nothing_over_twice(
    part: int, zygote: Zygote, tally: Tally
) -> None:
    cases = [(kill, same) for kill in write_visits(zygote) for same in (True, False)]
    picked = chosen("files, kill: write", cases, 4, part)
    tally.play("files, kill: write", picked, lambda case: written(zygote, (case[0],), case[1]))


@parts
def test_a_kill_while_answers_are_merged_loses_nothing(
    part: int, zygote: Zygote, tally: Tally
) -> None:
    cases = chosen("files, kill: merge", merge_visits(zygote), 3, part)
    tally.play("files, kill: merge", cases, lambda kill: merged(zygote, (kill,)))


@parts
def test_kills_in_a_row_hand_nothing_over_twice_and_lose_nothing(
    part: int, zygote: Zygote, tally: Tally
) -> None:
    dice = random.Random(5)
    pairs = [
        (
            tuple(dice.choices(write_visits(zygote), k=2)),
            tuple(dice.choices(merge_visits(zygote), k=2)),
        )
        for _ in range(60)
    ]
    cases = chosen("files, double kill", pairs, 2, part)
    tally.play("files, double kill", cases, lambda kills: exchanged(zygote, *kills))


@parts
def test_a_ledger_that_is_lost_while_answers_are_merged_is_rebuilt(
    part: int, zygote: Zygote, tally: Tally
) -> None:
    cases = chosen("files, lost ledger", merge_visits(zygote), 2, part)
    tally.play("files, lost ledger", cases, lambda kill: lost(zygote, kill))


@parts
def test_a_tight_cap_holds_for_files(part: int, zygote: Zygote, tally: Tally) -> None:
    cases = chosen("files, tight caps", range(40), 2, part)
    tally.play("files, tight caps", cases, lambda seed: capped(zygote, seed))


@functools.cache
def write_visits(zygote: Zygote) -> Sequence[Kill]:
    with World(zygote, 5) as world:
        return _visits(world, *_write(world, world.root / "out"))


@functools.cache
def merge_visits(zygote: Zygote) -> Sequence[Kill]:
    with World(zygote, 5) as world:
        out = _handed_over(world)
        answers = run_elsewhere(world, [out])
        return _visits(world, "collect", *_named(answers))


def _visits(world: World, *verb: str) -> Sequence[Kill]:
    trace = world.root / "trace"
    assert world.run(*verb, trace=trace) in OVER, world.said
    names = trace.read_text().split()
    return [(name, names[: place + 1].count(name)) for place, name in enumerate(names)]


def written(zygote: Zygote, kills: Sequence[Kill], same: bool) -> list[str]:
    """Killed while writing, and written again: to the same folder or to another one."""
    with World(zygote, 5) as world:
        first, second = world.root / "out", world.root / ("out" if same else "other")
        for kill in kills:
            if world.run(*_write(world, first), kill=kill) != KILLED and len(kills) == 1:
                world.judge.fault(f"{kill} was not reached")
        _write_out(world, second)
        _bring_home(world, run_elsewhere(world, {first, second}))
        return world.judge.found


def merged(zygote: Zygote, kills: Sequence[Kill]) -> list[str]:
    """Killed while merging, in one file of answers and in several, and merged again, twice."""
    with World(zygote, 5) as world:
        answers = run_elsewhere(world, [_handed_over(world)])
        for kill in kills:
            world.run("collect", *_named(answers), kill=kill)
        _bring_home(world, answers)
        return world.judge.found


def exchanged(zygote: Zygote, at_write: Sequence[Kill], at_merge: Sequence[Kill]) -> list[str]:
    """Killed at both ends; new images come in between, and half of the answers comes first."""
    with World(zygote, 4) as world:
        folders = {world.root / "out", world.root / "other"}
        for kill, folder in zip(at_write, sorted(folders), strict=True):
            world.run(*_write(world, folder), kill=kill)
            world.add({f"new-{folder.name}.jpg": 30 + len(folder.name)})
        _write_out(world, world.root / "out")
        answers = run_elsewhere(world, folders)
        half = answers[0].with_name("half.txt")
        half.write_bytes(b"".join(answers[0].read_bytes().splitlines(keepends=True)[:1]))
        for kill, files in zip(at_merge, ([half], answers), strict=True):
            world.run("collect", *_named(files), kill=kill)
        _bring_home(world, answers)
        return world.judge.found


def lost(zygote: Zygote, kill: Kill) -> list[str]:
    """Killed while merging; then the ledger is gone. The files of answers are still there."""
    with World(zygote, 5) as world:
        answers = run_elsewhere(world, [_handed_over(world)])
        world.run("collect", *_named(answers), kill=kill)
        world.lose_ledger()
        world.rebuild()
        world.judge.ledger_is_whole = False  # what is out in files is in no list
        world.run("collect", *_named(answers))
        world.judge.ledger_is_whole = True
        world.recover()
        world.judge.rest()
        return world.judge.found


def capped(zygote: Zygote, seed: int) -> list[str]:
    """What does not fit into the budget stays here; later it is handed over, or sent."""
    dice = random.Random(seed)
    places = list(write_visits(zygote))
    with World(zygote, 6, cap=dice.randint(0, 300_000)) as world:
        out = world.root / "out"
        if dice.random() < 0.6:
            world.run(*_write(world, out), kill=dice.choice(places))
        if world.run(*_write(world, out)) not in (*OVER, 4):
            world.judge.fault(f"not written: {world.said[-500:]}")
        if out.exists() and list(out.glob("*.jsonl")):
            run_and_merge(world, [out])
        world.cap = 10**10
        if dice.random() < 0.5:
            _write_out(world, world.root / "rest")
            run_and_merge(world, [world.root / "rest"])
        world.recover()
        world.judge.rest()
        return world.judge.found


# -- whoever runs the files ----------------------------------------------------------------------


def _write(world: World, out: Path) -> tuple[str, ...]:
    return ("write", str(world.data), "--out", str(out))


def _write_out(world: World, out: Path) -> None:
    if world.run(*_write(world, out)) not in OVER:
        world.judge.fault(f"not written: {world.said[-800:]}")


def _handed_over(world: World) -> Path:
    out = world.root / "out"
    _write_out(world, out)
    return out


def run_elsewhere(world: World, folders: Sequence[Path] | set[Path]) -> list[Path]:
    """Run each file once, as whoever was told to; gives the files of answers."""
    files: dict[str, bytes] = {}
    for path in sorted(path for folder in folders for path in folder.glob("*.jsonl")):
        data = path.read_bytes()
        if files.setdefault(path.name, data) != data:
            world.judge.fault(f"{path.name} was handed over with different contents")
    ids = Counter(
        json.loads(line)["custom_id"] for data in files.values() for line in data.splitlines()
    )
    if twice := [name for name, count in ids.items() if count > 1]:
        world.judge.fault(f"handed over in two files: {twice}")
    with client_for(world.server.base_url, KEY) as client:
        batches = [create(client, upload(client, data)).id for data in files.values()]
        world.skip(600)
        world.serve()
        answers = []
        for batch_id in batches:
            output = client.batches.retrieve(batch_id).output_file_id
            answers.append(world.root / f"{batch_id}.txt")
            answers[-1].write_bytes(client.files.content(str(output)).content)
    world.judge.look()
    return answers


def run_and_merge(world: World, folders: Sequence[Path]) -> None:
    """Run what is there, and merge it."""
    if world.run("collect", *_named(run_elsewhere(world, folders))) not in OVER:
        world.judge.fault(f"not merged: {world.said[-800:]}")


def _bring_home(world: World, answers: Sequence[Path]) -> None:
    """Merge everything, and again; then nothing is left to do."""
    for _ in range(2):
        if world.run("collect", *_named(answers)) != 0:
            world.judge.fault(f"not merged: {world.said[-800:]}")
    table = world.judge.table()
    world.run("collect", *_named(answers[::-1]))
    if world.judge.table() != table:
        world.judge.fault("merging again changed the table")
    world.judge.rest()


def _named(answers: Sequence[Path]) -> list[str]:
    return [word for path in answers for word in ("--from", str(path))]
