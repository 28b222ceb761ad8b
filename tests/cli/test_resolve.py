from __future__ import annotations

import pytest

from pipeline.ledger import Ledger
from tests.cli.conftest import Terminal
from tests.rig import Rig


def test_a_frozen_workspace_sends_again_after_a_person_has_looked(
    rig: Rig, openai: Terminal
) -> None:
    rig.add("a.png")
    openai("run", rig.data)
    with Ledger(rig.workspace.ledger) as ledger:
        ledger.put("frozen", "a line cost too much")
    rig.add("b.png", first=7)
    assert openai("run", rig.data).code == 5
    assert rig.posts() == 1
    shown = openai("resolve", "unfreeze")
    assert (shown.code, shown.out) == (0, "submission is possible again\n")
    assert openai("run", rig.data).code == 0
    assert rig.posts() == 2


def test_incidents_are_put_away(rig: Rig, openai: Terminal) -> None:
    rig.add("a.png")
    openai("run", rig.data)
    with Ledger(rig.workspace.ledger) as ledger:
        ledger.incident(1_790_000_000, "adopted", "odd")
    assert "1 incident to look at" in openai("run", rig.data).out
    assert openai("resolve", "seen").out == "1 incident put away\n"
    assert "incident" not in openai("run", rig.data).out


@pytest.mark.parametrize("decision", ["unfreeze", "create-again"])
def test_with_nothing_to_resolve(rig: Rig, openai: Terminal, decision: str) -> None:
    rig.add("a.png")
    openai("run", rig.data)
    shown = openai("resolve", decision)
    assert (shown.code, shown.out) == (0, "there was nothing to resolve\n")


def test_a_decision_has_to_be_named(openai: Terminal) -> None:
    shown = openai("resolve")
    assert shown.code == 2
    assert "missing argument 'DECISION': choose from unfreeze, create-again, write-off" in shown.err
    assert shown.err.count("\n") == 1
