from __future__ import annotations

import json

from tests.cli.conftest import Terminal
from tests.rig import Rig


def test_sources_are_listed_forgotten_and_moved(rig: Rig, openai: Terminal) -> None:
    rig.add("a.png")
    openai("run", rig.data)
    shown = openai("sources")
    assert shown.code == 0
    assert shown.out.startswith("imgs  folder  1 image, 1 row  seen 20")
    assert str(rig.data) in shown.out
    assert [s["name"] for s in json.loads(openai("sources", "--json").out)] == ["imgs"]
    moved = rig.data.rename(rig.data.parent / "moved")
    shown = openai("sources", "moved", "imgs", moved)
    assert (shown.code, shown.out) == (0, f"imgs is {moved} now: the table has 1 row\n")
    shown = openai("sources", "forget", "imgs")
    assert (shown.code, shown.out) == (0, "imgs is forgotten: the table has 0 rows\n")
    assert openai("sources").out == ""
    assert openai("sources", "forget", "imgs").code == 2


def test_options_before_the_command_are_refused(rig: Rig, openai: Terminal) -> None:
    rig.add("a.png")
    openai("run", rig.data)
    shown = openai("sources", "--workspace", "elsewhere", "forget", "imgs")
    assert (shown.code, "write --workspace behind 'forget', not before it" in shown.err) == (
        2,
        True,
    )
    assert openai("sources").out.startswith("imgs")
