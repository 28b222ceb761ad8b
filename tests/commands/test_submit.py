"""The command submit."""

from __future__ import annotations

import pytest

from pipeline.commands.collect import collect
from pipeline.commands.submit import submit
from pipeline.errors import NeedsPerson
from pipeline.stages.values import NoProgress
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


def test_a_price_is_asked_for_and_without_an_answer_nothing_is_sent(rig: Rig) -> None:
    rig.add("a.png")
    config = rig.config(budget__confirm_above="0")
    with pytest.raises(NeedsPerson):
        submit(config, rig.data)
    assert rig.posts(None) == 0
    asked: list[str] = []
    seen = Counting()

    def confirm(question: str) -> bool:
        asked.append(question)
        return True

    report = submit(config, rig.data, confirm=confirm, say=rig.said.append, progress=seen)
    assert (report.requests, len(asked), seen.images) == (1, 1, 1)
    assert rig.said


class Counting(NoProgress):
    """Counts images that it is shown."""

    images = 0

    def prepared(self, images: int) -> None:
        self.images += images
