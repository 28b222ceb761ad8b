from pathlib import Path

import pytest

from pipeline.cli.app import run_command_line as run
from pipeline.system.workspace import Workspace


def rebuild(folder: Path) -> int:
    return run(["rebuild", "--provider", "local", "--set", f"workspace={folder}"])


def test_a_lost_ledger_comes_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = Workspace(tmp_path / "ws")
    workspace.create()
    workspace.remember_id("f" * 16)
    assert rebuild(workspace.root) == 0
    assert workspace.ledger.is_file()
    assert "the ledger is back: 0 batches, 0 answers" in capsys.readouterr().out


def test_what_is_not_lost_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert rebuild(tmp_path / "none") == 2
    assert "there is no workspace" in capsys.readouterr().err
