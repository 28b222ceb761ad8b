from __future__ import annotations

from PIL import Image

from tests.cli.conftest import Terminal
from tests.rig import Rig


def test_twins_are_shown_in_groups_and_nothing_is_sent(rig: Rig, openai: Terminal) -> None:
    picture = Image.linear_gradient("L").convert("RGB")
    picture.save(rig.data / "small.png")
    picture.resize((700, 700)).save(rig.data / "large.png")
    picture.rotate(90).save(rig.data / "other.png")
    shown = openai("dedupe", rig.data)
    assert shown.code == 0
    lines = shown.out.splitlines()
    assert lines[0] == "large.png"
    assert lines[1].endswith("  small.png")
    assert lines[2] == "1 image would not be sent"
    assert rig.posts(None) == 0


def test_a_distance_out_of_range_is_refused(rig: Rig, openai: Terminal) -> None:
    rig.add("a.png")
    assert openai("dedupe", rig.data, "--distance", "99").code == 2
