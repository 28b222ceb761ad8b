from __future__ import annotations

from tests.cli.conftest import Terminal
from tests.rig import Rig


def test_what_is_under_way_is_cancelled(slow_rig: Rig, slow_openai: Terminal) -> None:
    slow_rig.add("a.png", "b.png")
    slow_openai("submit", slow_rig.data)
    shown = slow_openai("cancel")
    assert shown.code == 0
    assert shown.out == (
        "1 batch asked to cancel; fetch what was finished with 'captionmill collect'\n"
    )
    assert len(slow_rig.server.bill.requests("POST", "/v1/batches/")) == 1


def test_nothing_to_cancel(rig: Rig, openai: Terminal) -> None:
    rig.add("a.png")
    openai("run", rig.data)
    shown = openai("cancel")
    assert (shown.code, shown.out) == (0, "nothing is under way at the service\n")
