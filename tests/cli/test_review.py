from __future__ import annotations

import pytest

from pipeline.commands import review
from tests.cli.conftest import Terminal
from tests.rig import Rig


def test_without_a_workspace_it_says_so(rig: Rig, openai: Terminal) -> None:
    shown = openai("review", "--no-browser")
    assert shown.code == 2
    assert "no workspace" in shown.err
    assert not rig.workspace.root.exists()


def test_its_options_reach_it(rig: Rig, openai: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(
        review, "review", lambda config, options, _say: asked.append((config, options))
    )
    assert openai("review", "--port", "8123", "--no-browser", "--read-only").code == 0
    ((config, options),) = asked
    assert options == review.ReviewOptions(port=8123, browser=False, read_only=True)
    assert config.workspace == str(rig.workspace.root)


def test_there_is_no_option_for_another_address(openai: Terminal) -> None:
    assert openai("review", "--host", "0.0.0.0").code == 2


def test_a_sheet_out_and_in(rig: Rig, openai: Terminal) -> None:
    rig.add("a.png", "b.png")
    rig.run()
    sheet = rig.data.parent / "sheet.jsonl"
    assert openai("review", "--export", str(sheet)).out.startswith("2 images in")
    assert openai("review", "--import", str(sheet)).out == (
        "0 decisions taken in, 2 unchanged, 0 in conflict\n"
    )
    sheet.write_text(sheet.read_text().replace('"caption": "echo', '"caption": "mine', 1))
    shown = openai("review", "--import", str(sheet), "--reviewer", "Ada")
    assert (shown.code, shown.out) == (0, "1 decision taken in, 1 unchanged, 0 in conflict\n")
    sheet.write_text(sheet.read_text().replace('"caption": "mine', '"caption": "other', 1))
    shown = openai("review", "--import", str(sheet))
    assert shown.code == 5
    assert "left as it is: row 1 (a.png): it was changed here" in shown.err
