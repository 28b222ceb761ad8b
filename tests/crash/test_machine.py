"""Anything in any order: a state machine over everything that can happen to a workspace."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pipeline.server.faults import BatchFault
from tests.crash.cases import EVERYTHING, Tally
from tests.crash.child import copy_ledger
from tests.crash.plans import every_fault
from tests.crash.rig import World
from tests.crash.scenes import visits
from tests.crash.zygote import Zygote

# a service that says no and does it all the same is honest with its list here: lists are prompt
FAULTS = sorted(every_fault())
BATCH_FAULTS = (
    BatchFault(fail="token_limit_exceeded", times=1),
    BatchFault(expire_at_fraction=0.5, times=1),
    BatchFault(finalizing_seconds=500, times=1),
    BatchFault(duplicated=1, times=1),
)


class Nights(RuleBasedStateMachine):
    """One workspace; every run may be killed, and time goes by."""

    zygote: Zygote
    places: list[tuple[str, int]]

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.zygote, 2)
        self.copies: list[Path] = []
        self.number = 100

    def teardown(self) -> None:
        with self.world as world:
            world.server.faults.clear()
            world.skip(7200)  # whatever lands late has landed
            world.recover()
            world.judge.rest()
            assert world.judge.found == []

    @initialize(images=st.integers(0, 3))
    def begin(self, images: int) -> None:
        self._add(images)

    @rule(images=st.integers(1, 3))
    def new_images(self, images: int) -> None:
        self._add(images)

    def _add(self, images: int) -> None:
        for _ in range(images):
            self.number += 1
            self.world.add({f"{self.number}.jpg": self.number})

    @rule(data=st.data(), copy=st.booleans())
    def rename_or_copy(self, data: st.DataObject, copy: bool) -> None:
        names = sorted(path.name for path in self.world.data.iterdir())
        path = self.world.data / data.draw(st.sampled_from(names))
        self.number += 1
        target = self.world.data / f"again-{self.number}.jpg"
        if copy:
            shutil.copy(path, target)
        else:
            path.rename(target)

    @rule(prompt=st.sampled_from(["Describe this image.", "What is it?", "Name the colours."]))
    def change_prompt(self, prompt: str) -> None:
        self.world.judge.prompt_changed = True
        self.world.settings["prompt.user"] = f'"{prompt}"'

    @rule()
    def run(self) -> None:
        self.world.run()

    @rule()
    def submit(self) -> None:
        self.world.run("submit", str(self.world.data), "--yes")

    @rule(data=st.data())
    def killed_run(self, data: st.DataObject) -> None:
        self.world.run(kill=data.draw(st.sampled_from(self.places)))

    @rule(name=st.sampled_from(FAULTS))
    def fault(self, name: str) -> None:
        self.world.server.faults.add(every_fault()[name])

    @rule(fault=st.sampled_from(BATCH_FAULTS))
    def batch_fault(self, fault: BatchFault) -> None:
        self.world.server.faults.add(fault)

    @rule(seconds=st.sampled_from([1, 70, 200, 4000, 100_000]))
    def time_goes_by(self, seconds: int) -> None:
        self.world.skip(seconds)
        self.world.serve()

    @rule(seconds=st.sampled_from([-4000, -70, 70, 4000, 100_000]))
    def wall_clock_jumps(self, seconds: int) -> None:
        self.world.time.jump(seconds)

    @rule()
    def back_up(self) -> None:
        if (self.world.workspace / "ledger.db").exists():
            folder = self.world.root / f"copy-{len(self.copies)}"
            copy_ledger(self.world.workspace, folder)
            self.copies.append(folder)

    @precondition(lambda self: self.copies)
    @rule(data=st.data())
    def restore_an_older_ledger(self, data: st.DataObject) -> None:
        # a batch that is not in the list yet is not known to an older ledger: the honest limit
        self.world.server.faults.clear()
        self.world.skip(200)
        self.world.judge.ledger_is_whole = False
        self.world.restore(data.draw(st.sampled_from(self.copies)))
        self.world.run()
        self.world.judge.ledger_is_whole = True

    @rule()
    def second_writer(self) -> None:
        world = self.world
        world.keeper.paused.clear()
        world.keeper.resume.clear()
        first = world.start(world.task(pause=("reconcile.listed", 1)))
        if world.keeper.paused.wait(1.0):
            assert world.run() == 75
        world.keeper.resume.set()
        world.wait(first)

    @invariant()
    def nothing_is_wrong(self) -> None:
        self.world.judge.look()
        assert self.world.judge.found == []


def test_anything_in_any_order_costs_nothing(zygote: Zygote, tally: Tally) -> None:
    Nights.zygote, Nights.places = zygote, list(visits(zygote, "first run"))
    examples = 80 if EVERYTHING else 6
    machine = Nights.TestCase()
    machine.settings = settings(  # type: ignore[attr-defined]
        max_examples=examples,
        stateful_step_count=14,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    began = time.monotonic()
    machine.runTest()
    figures = ("state machine", examples, 0, time.monotonic() - began)
    tally.properties.append(("crash", figures))
