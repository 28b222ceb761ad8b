"""Two copies of one workspace at work at the same time."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.commands.rebuild import rebuild
from pipeline.commands.resolve import resolve
from pipeline.commands.run import run
from pipeline.commands.status import status
from pipeline.commands.verify import verify
from pipeline.session.report import Report
from pipeline.stages.values import NoProgress
from pipeline.system.workspace import Workspace
from tests.rig import Rig


class Meanwhile(NoProgress):
    """Progress that does something once, when the first shard of a run is sealed."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = [act]

    def sealed(self, requests: int) -> None:
        """Act before the shard is sent."""
        del requests
        while self._act:
            self._act.pop()()


def copied(rig: Rig, root: Path) -> Rig:
    """A copy of the workspace, with the same images and service."""
    root.mkdir()
    copy = Rig(root, rig.server)
    copy.data = rig.data
    copy.workspace = Workspace(root / "ws")
    shutil.copytree(rig.workspace.root, copy.workspace.root)
    return copy


def run_while(rig: Rig, act: Callable[[], object], *, wait: bool = True) -> Report:
    """Run, and do something else before the first shard is sent."""
    return run(
        rig.config(batch__max_requests=2), rig.data, confirm=lambda _text: True,
        say=rig.said.append, progress=Meanwhile(act), wait=wait,
    )  # fmt: skip


@pytest.fixture
def twins(rig: Rig, tmp_path: Path) -> tuple[Rig, Rig]:
    """A workspace with one captioned image and eight new ones, and its copy."""
    rig.add("first.png", first=90)
    rig.run()
    other = copied(rig, tmp_path / "other")
    rig.add(*(f"{n}.png" for n in range(8)))
    return rig, other


def test_a_copy_at_work_is_noticed_before_anything_is_bought_twice(
    twins: tuple[Rig, Rig],
) -> None:
    rig, other = twins
    report = run_while(rig, lambda: other.run(batch__max_requests=4, wait=False))
    assert (report.exit_code, report.requests) == (5, 0)
    (words,) = (text for text in report.problems if "another copy of this workspace" in text)
    assert "resolve twin" in words
    assert not rig.server.bill.billed_again()
    assert status(rig.config()).frozen == words
    posts = rig.posts()
    again = rig.run()  # until somebody decides
    assert (again.exit_code, again.requests, rig.posts()) == (5, 0, posts)
    assert other.run().exit_code == 0
    assert len(rig.server.bill.rows()) == 9


def test_what_is_paid_is_fetched_when_a_twin_is_noticed(slow_rig: Rig, tmp_path: Path) -> None:
    rig = slow_rig
    rig.add("a.png", "b.png")
    rig.run(wait=False)
    other = copied(rig, tmp_path / "other")
    rig.add("c.png", "d.png", first=40)
    report = run_while(rig, lambda: other.run(wait=False), wait=False)
    assert (report.exit_code, report.requests, report.open) == (5, 0, 1)
    rig.pass_time(4000)
    report = rig.run()
    assert (report.exit_code, report.outcomes) == (5, {"captioned": 2, "pending": 2})
    assert len(rig.server.bill.rows()) == 4


def test_the_copy_that_goes_on_takes_in_what_the_other_one_sent(
    slow_rig: Rig, tmp_path: Path
) -> None:
    rig = slow_rig
    rig.add("first.png", first=90)
    rig.run(wait=False)
    other = copied(rig, tmp_path / "other")
    rig.add("a.png", "b.png", "c.png")
    run_while(rig, lambda: other.run(wait=False), wait=False)
    (words,) = resolve(rig.config(), "twin", rig.said.append)
    assert "this copy goes on" in words
    report = rig.run(wait=False)
    assert (report.exit_code, report.requests, report.open) == (3, 0, 2)
    rig.pass_time(4000)
    report = rig.run()
    assert (report.exit_code, report.outcomes) == (0, {"captioned": 4})
    assert len(rig.server.bill.rows()) == 4
    rig.check()
    assert verify(rig.config()).findings == ()
    assert resolve(rig.config(), "twin", rig.said.append) == ["there was nothing to resolve"]


def test_answers_that_the_other_copy_has_fetched_are_taken_from_its_folder(
    twins: tuple[Rig, Rig],
) -> None:
    rig, other = twins
    run_while(rig, other.run)
    resolve(rig.config(), "twin", rig.said.append)
    report = rig.run()
    assert (report.exit_code, report.requests) == (5, 0)
    assert any("copy the files of that one's folder raw" in text for text in report.problems)
    for path in other.workspace.raw.iterdir():
        if not (rig.workspace.raw / path.name).exists():
            shutil.copy(path, rig.workspace.raw)
    report = rig.run()
    assert (report.exit_code, report.outcomes) == (0, {"captioned": 9})
    rig.check()


def test_a_copy_becomes_a_workspace_of_its_own(twins: tuple[Rig, Rig]) -> None:
    rig, other = twins
    run_while(rig, lambda: other.run(batch__max_requests=4, wait=False))
    former = rig.workspace.known_id()
    (words,) = resolve(rig.config(), "new-identity", rig.said.append)
    assert str(rig.workspace.known_id()) in words
    assert rig.workspace.known_id() != former
    report = rig.run()  # buys the eight images for itself, and not the first one
    assert (report.exit_code, report.requests, report.outcomes) == (0, 8, {"captioned": 9})
    assert other.run().outcomes == {"captioned": 9}
    assert verify(rig.config()).findings == ()
    rig.add("new.png", first=60)
    assert run_while(rig, other.run).exit_code == 0


def test_a_ledger_is_rebuilt_from_before_and_after_its_new_identity(
    twins: tuple[Rig, Rig],
) -> None:
    rig, _ = twins
    older = rig.workspace.root.parent / "older.db"
    shutil.copy(rig.workspace.ledger, older)
    resolve(rig.config(), "new-identity", rig.said.append)
    assert rig.run().requests == 8
    for ledger in (None, older):
        for path in rig.workspace.root.glob("ledger.db*"):
            path.unlink()
        if ledger is None:
            rebuild(rig.config(), rig.said.append)
        else:
            shutil.copy(ledger, rig.workspace.ledger)  # it has the former id
        report = rig.run()
        assert report.requests == 0
        assert len(rig.server.bill.rows()) == 9


def test_a_restored_backup_is_no_twin_and_leaves_the_files_to_the_other(
    slow_rig: Rig, tmp_path: Path
) -> None:
    rig = slow_rig
    rig.add("first.png", first=90)
    rig.run(wait=False)
    backup = copied(rig, tmp_path / "backup")
    rig.add("a.png", "b.png", "c.png")
    rig.run(wait=False)
    rig.pass_time(4000)
    report = backup.run()
    assert (report.exit_code, report.requests, report.outcomes) == (0, 0, {"captioned": 4})
    assert len(rig.server.bill.rows()) == 4
    # but for those of the batch that both made
    assert rig.run().outcomes == {"captioned": 3, "missing": 1}


def test_a_twin_stops_online_requests_too(twins: tuple[Rig, Rig]) -> None:
    rig, other = twins
    run_while(rig, lambda: other.run(batch__max_requests=4, wait=False))
    report = rig.run(provider__name="openai_online")
    assert (report.exit_code, report.requests) == (5, 0)
    assert rig.posts("/v1/chat/completions") == 0
