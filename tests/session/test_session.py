from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.commands.run import run
from pipeline.errors import Busy, DefiniteRefusal, StorageError, UsageError
from pipeline.session.session import open_session
from pipeline.session.settings import RunSettings
from tests.rig import Rig


def quiet(_text: str) -> None:
    """Shows nothing."""


def test_one_session_at_a_time(rig: Rig) -> None:
    with (
        open_session(RunSettings.of(rig.config()), "test", quiet),
        pytest.raises(Busy),
        open_session(RunSettings.of(rig.config()), "test", quiet),
    ):
        pass


def test_offline_needs_no_key_and_calls_nobody(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    with open_session(
        RunSettings.of(rig.config()), "test", rig.said.append, offline=True
    ) as session:
        assert session.identity.key is None
        with pytest.raises(DefiniteRefusal):
            list(session.context.service.list_batches())
    assert rig.said == [f"new workspace {rig.workspace.root}"]
    assert rig.posts(None) == 0


def test_a_workspace_that_must_be_there(rig: Rig) -> None:
    with (
        pytest.raises(UsageError),
        open_session(RunSettings.of(rig.config()), "test", quiet, existing=True),
    ):
        pass
    assert not rig.workspace.root.exists()


def test_a_workspace_that_cannot_be_made(rig: Rig, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    config = rig.config(workspace=str(tmp_path / "file" / "ws"))
    rig.add("a.png")
    with pytest.raises((StorageError, UsageError)):
        run(config, rig.data)


def test_a_session_that_is_left_by_an_error_is_free_again(rig: Rig) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        open_session(RunSettings.of(rig.config()), "test", quiet),
    ):
        raise ZeroDivisionError
    with open_session(RunSettings.of(rig.config()), "test", quiet) as session:
        assert session.context.run == 2
