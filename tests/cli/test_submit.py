from __future__ import annotations

from tests.cli.conftest import Terminal
from tests.rig import Rig


def test_submit_returns_at_once_and_sends_nothing_twice(
    slow_rig: Rig, slow_openai: Terminal
) -> None:
    slow_rig.add("a.png", "b.png")
    shown = slow_openai("submit", slow_rig.data)
    assert shown.code == 3
    assert "requests             2   in 1 batch, this run" in shown.out
    again = slow_openai("submit", slow_rig.data, "--json")
    assert (again.code, again.json["requests"], again.json["open_batches"]) == (3, 0, 1)
    assert slow_rig.posts() == 1


def test_submit_asks_before_it_spends(rig: Rig, openai: Terminal) -> None:
    rig.add("a.png")
    dear = ("--set", "budget.confirm_above=0")
    assert openai("submit", rig.data, *dear).code == 5
    assert rig.posts(None) == 0
    assert openai("submit", rig.data, *dear, "--yes").code in (0, 3)
    assert rig.posts() == 1
