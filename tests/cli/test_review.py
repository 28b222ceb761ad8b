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
