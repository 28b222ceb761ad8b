"""The command submit."""

from __future__ import annotations

from pipeline.commands.collect import collect
from pipeline.commands.submit import submit
from tests.rig import Rig


def test_submit_and_collect_are_the_halves_of_a_run(slow_rig: Rig) -> None:
    rig = slow_rig
    rig.add("a.png", "b.png")
    config = rig.config()
    report = submit(config, rig.data)
    assert report.requests == 2
    assert collect(config).exit_code == 3
    rig.pass_time(4000)
    report = collect(config)
    assert report.exit_code == 0
    assert report.outcomes == {"captioned": 2}
    rig.check()
