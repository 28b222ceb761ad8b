from pathlib import Path

import pytest

from pipeline.cli.app import run_command_line as run
from pipeline.ledger import Ledger
from pipeline.system.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path / "ws")
    workspace.create()
    with Ledger(workspace.ledger) as ledger:
        workspace.remember_id(ledger.workspace_id())
    return workspace


def verify(workspace: Workspace) -> int:
    return run(["verify", "--provider", "local", "--set", f"workspace={workspace.root}"])


def test_one_line_when_all_is_well(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify(workspace) == 0
    out = capsys.readouterr().out
    assert out.startswith("all is well: 0 images")
    assert out.count("\n") == 1


def test_findings_have_an_exit_code(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace.id_file.unlink()
    assert verify(workspace) == 8
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("1 finding in")
    assert "workspace.json" in second
