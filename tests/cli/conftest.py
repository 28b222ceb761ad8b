"""A terminal to type commands into."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.app import run_command_line as run
from tests.rig import Rig, rig, slow_rig

__all__ = ["rig", "slow_rig"]


@dataclass(frozen=True)
class Shown:
    """What a command has said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Standard output as one line of JSON."""
        assert self.out.count("\n") == 1
        value: dict[str, Any] = json.loads(self.out)
        return value


class Terminal:
    """Runs command lines as `captionmill` does; nothing may ever show a traceback."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.options: tuple[str, ...] = ()

    def __call__(self, command: str, *arguments: str | Path) -> Shown:
        self._capsys.readouterr()
        code = run([command, *map(str, arguments), *self.options])
        captured = self._capsys.readouterr()
        if "--debug" not in (command, *arguments):
            assert "Traceback" not in captured.err
        return Shown(code, captured.out, captured.err)


@pytest.fixture
def captionmill(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Terminal:
    """A terminal in an empty folder, without a key."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "user"))
    monkeypatch.chdir(tmp_path)
    return Terminal(capsys)


def at(rig: Rig, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """The terminal with the rig's workspace, and its server as OpenAI."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-rig-0123456789abcdef")
    monkeypatch.setenv("OPENAI_BASE_URL", rig.server.base_url)
    settings = ("batch.poll_seconds=1", "batch.grace_seconds=0", "batch.listings_apart_seconds=0")
    terminal.options = ("--workspace", str(rig.workspace.root))
    for setting in settings:
        terminal.options += ("--set", setting)
    return terminal


@pytest.fixture
def openai(rig: Rig, captionmill: Terminal, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal whose OpenAI answers at once."""
    return at(rig, captionmill, monkeypatch)


@pytest.fixture
def slow_openai(slow_rig: Rig, captionmill: Terminal, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal whose OpenAI takes an hour: `slow_rig.pass_time`."""
    return at(slow_rig, captionmill, monkeypatch)
