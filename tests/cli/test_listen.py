from __future__ import annotations

import pytest

from pipeline.commands import listen
from tests.cli.conftest import Terminal
from tests.rig import Rig


def test_without_a_secret_it_says_what_to_set(rig: Rig, openai: Terminal) -> None:
    shown = openai("listen")
    assert shown.code == 2
    assert "OPENAI_WEBHOOK_SECRET" in shown.err
    assert not rig.workspace.root.exists()


def test_its_options_reach_it(rig: Rig, openai: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    given = []
    monkeypatch.setattr(listen, "listen", lambda config, _say: given.append(config))
    assert openai("listen", "--set", "listen.port=9999").code == 0
    (config,) = given
    assert config.listen.port == 9999
    assert config.listen.host == "127.0.0.1"
    assert config.workspace == str(rig.workspace.root)
