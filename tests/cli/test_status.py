from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Terminal
from tests.rig import Rig


def test_batches_outcomes_and_money(slow_rig: Rig, slow_openai: Terminal) -> None:
    slow_rig.add("a.png", "b.png")
    slow_openai("submit", slow_rig.data)
    before = slow_rig.posts(None)
    shown = slow_openai("status")
    assert (shown.code, shown.err) == (0, "")
    lines = [line.split() for line in shown.out.splitlines()]
    assert lines[0][0] == "workspace"
    assert lines[0][-3:] == ["(openai,", "account", "'default')"]
    assert ["images", "2"] in lines
    assert ["pending", "2"] in lines
    (batch,) = (line for line in lines if line[0] == "batch")
    assert batch[1].startswith("batch_")
    assert batch[-6:-1] == ["0", "of", "2", "answered,", batch[-2]]
    assert batch[-1] == "old"
    money = next(line for line in lines if line[0] == "money")
    assert money[1:3] == ["$0.00", "spent,"]
    assert money[3] != "$0.00"
    assert slow_rig.posts(None) == before  # asks nobody
    slow_rig.pass_time(4000)
    slow_openai("collect")
    assert "batch " not in slow_openai("status").out


def test_it_says_where_the_table_is(rig: Rig, openai: Terminal) -> None:
    rig.add("a.png")
    openai("run", rig.data)
    shown = openai("status", "--json").json
    assert shown["table"] == str(rig.workspace.table)
    assert shown["outcomes"] == {"captioned": 1}
    assert shown["settled_nano_usd"] == rig.server.bill.total_nano()
    assert (shown["batches"], shown["waiting"], shown["frozen"]) == ([], [], None)
    assert shown["provider"] == "openai:default"


def test_it_works_while_another_one_does(slow_rig: Rig, slow_openai: Terminal) -> None:
    slow_rig.add("a.png")
    slow_openai("submit", slow_rig.data)
    with slow_rig.workspace.lock():
        assert slow_openai("status").code == 0


def test_incidents_and_a_freeze_are_shown_cleaned(rig: Rig, openai: Terminal) -> None:
    from pipeline.ledger import Ledger

    rig.add("a.png")
    openai("run", rig.data)
    with Ledger(rig.workspace.ledger) as ledger:
        ledger.incident(1_790_000_000, "adopted", "batch \x1b[2J was not known")
        ledger.put("frozen", "a line cost too much")
    shown = openai("status").out
    assert "incident    2026-09-21 14:13 adopted: batch \ufffd[2J was not known" in shown
    assert "FROZEN      a line cost too much" in shown


def test_without_a_workspace_it_is_said_and_none_is_made(
    captionmill: Terminal, rig: Rig, openai: Terminal
) -> None:
    del captionmill
    shown = openai("status")
    assert (shown.code, shown.out) == (2, "")
    assert "there is no workspace in" in shown.err
    assert not rig.workspace.root.exists()


def test_before_the_first_table_none_is_named(slow_rig: Rig, slow_openai: Terminal) -> None:
    slow_rig.add("a.png")
    slow_openai("submit", slow_rig.data)
    slow_rig.workspace.table.unlink()
    assert "table" not in slow_openai("status").out
    assert slow_openai("status", "--json").json["table"] is None


def test_the_local_model_costs_nothing(captionmill: Terminal, tmp_path: Path) -> None:
    (tmp_path / "imgs").mkdir()
    (tmp_path / "imgs" / "broken.jpg").write_text("no image")
    captionmill("run", "imgs")
    shown = captionmill("status").out
    assert shown.startswith("workspace   user/captionmill/local (local)\n")
    assert "money       the local model is free\n" in shown


class Sleeps:
    """Stands for time.sleep: does something after each look, and is interrupted after the last."""

    def __init__(self, *steps: Callable[[], object]) -> None:
        self.steps = list(steps)

    def __call__(self, _seconds: float) -> None:
        if not self.steps:
            raise KeyboardInterrupt
        self.steps.pop(0)()


def test_watching_writes_a_line_a_change_without_a_terminal(
    rig: Rig, openai: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.add("a.png")
    rig.run()

    def another() -> None:
        rig.add("b.png", first=9)
        rig.run()

    sleeps = Sleeps(lambda: None, another)
    monkeypatch.setattr("pipeline.cli.status.time.sleep", sleeps)
    shown = openai("status", "--watch")
    assert shown.code == 0
    first, second = shown.out.splitlines()  # nothing changed between the first two looks
    assert first.startswith("1 captioned; $0.0")
    assert second.startswith("2 captioned; $0.0")


def test_watching_draws_in_one_place_on_a_terminal(
    rig: Rig, openai: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.add("a.png")
    rig.run()
    monkeypatch.setattr("pipeline.cli.status.time.sleep", Sleeps(lambda: None))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setenv("LINES", "50")
    shown = openai("status", "--watch")
    assert shown.code == 0
    lines = shown.out.split("\x1b[J")[0].count("\n")
    assert f"\x1b[{lines}F" in shown.out
    words = re.sub(r"\x1b\[[0-9]*[A-Z]", "", shown.out).splitlines()
    assert max(map(len, words)) == 29  # a line that wraps would be two
    assert words.count("images               1") == 2


def test_watching_is_for_people(openai: Terminal) -> None:
    assert openai("status", "--watch", "--json").code == 2
