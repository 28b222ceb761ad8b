from __future__ import annotations

from tests.cli.conftest import Terminal
from tests.rig import Rig


def test_it_says_how_many_and_at_most_how_much(rig: Rig, openai: Terminal) -> None:
    rig.add("a.png", "b.png")
    rig.run()
    shown = openai("recaption", "a.png", "--note", "blurred")
    assert shown.code == 0
    assert shown.out.startswith(
        "1 image marked. The next run will send 1 request again, for at most $"
    )
    shown = openai("recaption", "nowhere.png")
    assert shown.code == 2
    assert "no image of this workspace is at nowhere.png" in shown.err
