from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Terminal
from tests.rig import Rig


def test_it_says_where_the_page_is(rig: Rig, openai: Terminal, tmp_path: Path) -> None:
    rig.add("a.png")
    rig.run()
    shown = openai("report", "--out", tmp_path / "r.html")
    assert (shown.code, shown.out) == (0, "report      r.html\n")
    assert "captionmill report" in (tmp_path / "r.html").read_text()


def test_without_a_workspace(openai: Terminal) -> None:
    shown = openai("report")
    assert shown.code == 2
    assert "there is no workspace" in shown.err
