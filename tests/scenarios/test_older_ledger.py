"""An older copy of the ledger is put back, or it is lost, and then requests are asked online: what
is at the service or was answered since is not paid for again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline.commands.pilot import PilotOptions, pilot
from pipeline.commands.rebuild import rebuild
from pipeline.commands.resolve import resolve
from pipeline.commands.verify import verify
from pipeline.server.faults import RequestFault
from pipeline.session.report import Report
from tests.rig import Rig

CHAT = "/v1/chat/completions"
LISTED = "/v1/batches"


def online(rig: Rig, **more: object) -> Report:
    return rig.run(provider__name="openai_online", **more)  # type: ignore[arg-type]


def kept(rig: Rig, folder: Path) -> Path:
    """A copy of the ledger as it is now; nobody has it open."""
    folder.mkdir()
    for path in rig.workspace.root.glob("ledger.db*"):
        shutil.copy(path, folder)
    return folder


def restore(rig: Rig, copy: Path) -> None:
    for path in rig.workspace.root.glob("ledger.db*"):
        path.unlink()
    for path in copy.iterdir():
        shutil.copy(path, rig.workspace.root)


def begun(rig: Rig, tmp_path: Path) -> Path:
    """One image is captioned online; the ledger as it is then."""
    rig.add("first.png", first=90)
    online(rig)
    return kept(rig, tmp_path / "copy")


def test_batches_that_run_are_adopted_before_anything_is_asked_online(
    slow_rig: Rig, tmp_path: Path
) -> None:
    rig = slow_rig
    copy = begun(rig, tmp_path)
    rig.add("a.png", "b.png")
    rig.run(wait=False)
    restore(rig, copy)
    rig.add("c.png", first=50)
    report = online(rig)
    assert (report.requests, report.exit_code, report.open) == (1, 3, 1)
    rig.pass_time(4000)
    report = online(rig)
    assert (report.requests, report.outcomes) == (0, {"captioned": 4})
    rig.check()


def test_a_pilot_adopts_them_too(slow_rig: Rig, tmp_path: Path) -> None:
    rig = slow_rig
    copy = begun(rig, tmp_path)
    rig.add("a.png", "b.png")
    rig.run(wait=False)
    restore(rig, copy)
    found = pilot(rig.config(), rig.data, PilotOptions(count=3), confirm=lambda _text: True)
    assert found.variants[0].results[0].outcome == "pending"
    assert rig.posts(CHAT) == 1
    rig.pass_time(4000)
    assert online(rig).outcomes == {"captioned": 3}
    rig.check()


def test_contents_that_nothing_tells_stop_online_requests_as_they_stop_batches(
    rig: Rig, tmp_path: Path
) -> None:
    copy = begun(rig, tmp_path)
    rig.add("a.png", "b.png")
    rig.run(batch__keep_raw=False)
    restore(rig, copy)
    in_batches = rig.run()
    report = online(rig)
    found = pilot(rig.config(), rig.data, PilotOptions(count=3), confirm=lambda _text: True)
    assert [report.exit_code, in_batches.exit_code, found.report.exit_code] == [5, 5, 5]
    (words,) = (text for text in in_batches.problems if "resolve write-off" in text)
    assert words in report.problems
    assert words in found.report.problems
    assert rig.posts(CHAT) == 1
    assert not rig.server.bill.billed_again()
    resolve(rig.config(), "write-off", rig.said.append)
    assert online(rig).outcomes == {"captioned": 3}  # the person has decided: paid for again


def test_a_service_that_does_not_answer_gets_no_online_request(rig: Rig) -> None:
    rig.add("a.png")
    rig.server.faults.add(RequestFault(action="status", method="GET", path=LISTED, status=500))
    report = online(rig)
    assert (report.exit_code, report.outcomes) == (9, {"pending": 1})
    assert rig.posts(CHAT) == 0


@pytest.mark.parametrize("status", [403, 404, 405, 501])
def test_a_service_without_batches_has_none_of_ours(rig: Rig, status: int) -> None:
    rig.add("a.png", "b.png")
    rig.server.faults.add(RequestFault(action="status", method="GET", path=LISTED, status=status))
    assert online(rig).outcomes == {"captioned": 2}
    rig.check()


def test_the_service_is_asked_once_a_run(rig: Rig) -> None:
    rig.add(*(f"{n}.png" for n in range(60)))
    online(rig)
    assert len(rig.server.bill.requests(path=LISTED)) == 1


def test_what_was_answered_online_since_is_not_asked_again(rig: Rig, tmp_path: Path) -> None:
    copy = begun(rig, tmp_path)
    rig.add("a.png", "b.png")
    before = online(rig).settled
    restore(rig, copy)
    report = online(rig)
    assert (report.requests, report.outcomes) == (0, {"captioned": 3})
    assert report.settled == before
    assert any(kind == "adopted" for _, kind, _ in report.incidents)
    assert verify(rig.config()).findings == ()
    rig.check()


def test_without_the_answers_a_person_is_asked(rig: Rig, tmp_path: Path) -> None:
    copy = begun(rig, tmp_path)
    rig.add("a.png")
    online(rig, batch__keep_raw=False)
    restore(rig, copy)
    for run in (online, Rig.run):
        report = run(rig)
        assert report.exit_code == 5
        assert any("resolve write-off" in text for text in report.problems)
    assert (rig.posts(CHAT), rig.posts()) == (2, 0)
    resolve(rig.config(), "write-off", rig.said.append)
    assert online(rig).outcomes == {"captioned": 2}


def test_a_lost_answer_of_an_unknown_group_stays_counted(rig: Rig, tmp_path: Path) -> None:
    copy = begun(rig, tmp_path)
    rig.add("a.png", "b.png")
    rig.server.faults.add(RequestFault(action="drop_after", path=CHAT, nth=2))
    assert online(rig).outcomes == {"captioned": 2, "missing": 1}
    restore(rig, copy)
    report = online(rig)
    assert (report.requests, report.outcomes) == (0, {"captioned": 2, "missing": 1})
    with rig.ledger() as ledger:
        held = ledger.database.number(
            "SELECT SUM(COALESCE(settled, reserved)) FROM reservations WHERE state <> 'released'"
        )
    assert rig.server.bill.total_nano() <= held


def test_a_lost_ledger_is_rebuilt_with_what_was_answered_online(rig: Rig) -> None:
    rig.add(*(f"{n}.png" for n in range(60)))
    settled = online(rig).settled
    for path in rig.workspace.root.glob("ledger.db*"):
        path.unlink()
    found = rebuild(rig.config(), rig.said.append)
    assert (found.answers, found.settled, found.open, found.doubtful) == (60, settled, 0, 0)
    report = online(rig)
    assert (report.requests, report.outcomes) == (0, {"captioned": 60})
    assert verify(rig.config()).findings == ()
    rig.check()
