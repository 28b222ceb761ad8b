from __future__ import annotations

import pytest

from pipeline.server.faults import LineFault
from tests.cli.conftest import Terminal
from tests.rig import Rig


def test_images_with_an_outcome_go_again(rig: Rig, openai: Terminal) -> None:
    rig.add("a.png", "b.png")
    rig.server.faults.add(LineFault(outcome="refusal", times=1))
    openai("run", rig.data)
    shown = openai("retry", "--outcome", "refused, length")
    assert (shown.code, shown.out) == (0, "1 image goes again with the next run\n")
    assert openai("run", rig.data).code == 0
    assert rig.outcomes() == {"captioned": 2}
    assert openai("retry", "--outcome", "refused").out == "0 images go again with the next run\n"


@pytest.mark.parametrize("outcome", ["captioned", "rejected", "bogus", "", ","])
def test_what_cannot_go_again_is_said(rig: Rig, openai: Terminal, outcome: str) -> None:
    rig.add("a.png")
    openai("run", rig.data)
    shown = openai("retry", "--outcome", outcome)
    assert (shown.code, shown.out) == (2, "")
    assert "choose among refused, filtered, length, empty" in shown.err
    assert "  " not in shown.err
