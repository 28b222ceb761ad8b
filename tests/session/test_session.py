from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.commands.run import run
from pipeline.config import load_config
from pipeline.core.budget_words import COMMAND_LINE
from pipeline.errors import Busy, DefiniteRefusal, Interrupted, StorageError, UsageError
from pipeline.review.edits import Edits
from pipeline.session import session as session_module
from pipeline.session.session import open_session
from pipeline.session.settings import RunSettings
from pipeline.session.spec_factory import SpecChange
from pipeline.stages.mirroring import NoMirror
from pipeline.system.clock import Clock
from pipeline.system.signals import Stopper
from tests.rig import MODEL, Rig, rig
from tests.session.mirrors import keys
from tests.storage.scripted_s3 import ScriptedS3, s3

__all__ = ["rig", "s3"]


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


class Listener(Stopper):
    """Remembers when it began and ended to listen."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        self.heard.append("begun")
        yield
        self.heard.append("ended")


def test_signals_stop_an_open_session_and_no_other_program(rig: Rig) -> None:
    stopper = Listener()
    with open_session(RunSettings.of(rig.config()), "test", quiet, stopper=stopper) as session:
        assert stopper.heard == ["begun"]
        session.context.check_stop()
        stopper.ask()
        with pytest.raises(Interrupted):
            session.context.check_stop()
        session.context.sleep(3600)
    assert stopper.heard == ["begun", "ended"]


def test_a_session_has_the_rules_of_its_configuration(rig: Rig) -> None:
    config = rig.config(
        budget__lifetime="3",
        batch__creates_per_hour=7,
        batch__grace_seconds=11,
        batch__keep_raw=False,
        batch__keep_shards=True,
        batch__delete_remote_files=False,
        models={MODEL: {"whole_endings": ["eos"], "enqueued_tokens": 4321}},
    )
    clock = Clock(1000)
    with open_session(RunSettings.of(config), "test", quiet, clock=clock) as session:
        context = session.context
        assert (context.caps.lifetime, context.creates_per_hour) == (3 * 10**9, 7)
        assert context.patience.grace == 11
        assert (context.keep_raw, context.keep_shards, context.delete_remote) == (
            False,
            True,
            False,
        )
        assert context.whole_endings(MODEL) == frozenset({"eos"})
        assert context.queue_guess(MODEL) == 4321
        assert (context.clock, session.clock) == (clock, clock)
        assert isinstance(context.mirror, NoMirror)
        assert isinstance(session.edits, Edits)


def test_a_local_session_has_no_queue_to_fill(rig: Rig) -> None:
    settings = RunSettings.of(rig.config(provider__name="local"))
    with open_session(settings, "test", quiet, offline=True) as session:
        assert session.context.queue_guess(MODEL) is None


def test_a_cap_of_the_command_line_is_remembered_before_anything_is_sent(rig: Rig) -> None:
    config = load_config(
        None,
        {"workspace": str(rig.workspace.root), "budget.lifetime": "3"},
        overrides_from=COMMAND_LINE,
    )
    with open_session(RunSettings.of(config), "test", quiet, offline=True):
        pass
    with open_session(RunSettings.of(rig.config()), "test", quiet, offline=True) as session:
        assert session.context.caps.lifetime == 3 * 10**9


def test_what_a_session_says_is_in_its_log(rig: Rig) -> None:
    with open_session(RunSettings.of(rig.config()), "test", rig.said.append) as session:
        session.context.say("a sentence to be found again")
    assert rig.said[-1] == "a sentence to be found again"
    logs = "".join(path.read_text() for path in rig.workspace.root.rglob("*.jsonl"))
    assert "a sentence to be found again" in logs


def test_a_change_of_the_request_is_in_its_spec(rig: Rig) -> None:
    with open_session(RunSettings.of(rig.config()), "test", quiet) as session:
        plain = session.build_spec()
        other = session.build_spec(SpecChange(user="What is it?"))
        assert plain.template != other.template
        assert plain.spec_id != other.spec_id


@pytest.mark.parametrize("offline", [False, True])
def test_a_mirror_is_kept_by_what_may_send_only(rig: Rig, s3: ScriptedS3, *, offline: bool) -> None:
    settings = RunSettings.of(rig.config(**keys(s3)))
    with open_session(settings, "test", quiet, offline=offline) as session:
        assert isinstance(session.context.mirror, NoMirror) == offline
    assert bool(s3.objects) is not offline


def test_answers_are_read_in_the_shapes_of_the_provider(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes = object()
    monkeypatch.setattr(
        session_module, "provider_of", lambda _name: SimpleNamespace(wire_format=shapes)
    )
    with open_session(RunSettings.of(rig.config()), "test", quiet, offline=True) as session:
        assert session.context.wire_format is shapes
