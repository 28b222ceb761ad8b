"""What runs leave behind: logs, summaries, and word to whoever waits for it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.commands.collect import collect
from pipeline.commands.run import run
from pipeline.errors import Busy, NeedsPerson, UsageError
from pipeline.server.faults import RequestFault
from pipeline.session import source_run
from pipeline.session.record import notified
from pipeline.system.notify import Notice
from tests.rig import KEY, Rig


def log(rig: Rig, number: int) -> list[dict[str, Any]]:
    path = rig.workspace.logs / f"{number:06d}-run.jsonl"
    return [json.loads(line) for line in path.read_bytes().split(b"\n") if line]


def events(rig: Rig, number: int) -> list[str]:
    return [line["event"] for line in log(rig, number)]


def last(rig: Rig) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(rig.workspace.last_run.read_bytes())
    return found


def hook(out: Path) -> list[str]:
    """A program that adds what it is told as a line."""
    code = "import sys; open(sys.argv[1], 'a').write(sys.stdin.read() + '\\n')"
    return [sys.executable, "-c", code, str(out)]


def heard(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []


def test_a_run_leaves_a_log_and_a_summary(slow_rig: Rig) -> None:
    rig = slow_rig
    rig.add("a.png", "b.png")
    report = rig.run(wait=False)
    assert [e for e in events(rig, 1) if e != "said"] == [
        "run.began",
        "shard.sealed",
        "batch.created",
        "run.ended",
    ]
    ended = log(rig, 1)[-1]
    assert ended["summary"] == report.as_dict()
    assert ended["level"] == "info"  # what is left to do is no error
    found = last(rig)
    assert found == report.as_dict()
    assert found == json.loads((rig.workspace.logs / "000001-run.json").read_bytes())
    assert (found["command"], found["run"], found["exit_code"]) == ("run --no-wait", 1, 3)
    assert found["started_at"] <= found["ended_at"]
    assert found["ended_at"].endswith("Z")
    rig.pass_time(4000)
    collect(rig.config(log__level="debug"))
    assert {"batch.seen", "batch.settled"} <= set(events(rig, 2))
    settled = next(line for line in log(rig, 2) if line["event"] == "batch.settled")
    assert settled["outcomes"] == {"captioned": 2}
    assert settled["billed_nano_usd"] == rig.server.bill.total_nano()
    assert (last(rig)["command"], last(rig)["exit_code"]) == ("collect", 0)


def test_no_key_is_in_anything_that_is_left_behind(rig: Rig, tmp_path: Path) -> None:
    rig.add("a.png")
    rig.server.faults.add(
        RequestFault(
            action="status", method="POST", path="/v1/batches", status=400, times=1,
            message=f"Incorrect API key provided: {KEY}, x-secret: header-value-5",
        )
    )  # fmt: skip
    rig.run(
        wait=False, notify__command=hook(tmp_path / "out"), log__level="debug",
        provider__headers={"x-secret": "header-value-5"},
    )  # fmt: skip
    assert heard(tmp_path / "out")
    for path in (tmp_path / "out", *rig.workspace.root.rglob("*")):
        if path.is_file():
            assert KEY.encode() not in path.read_bytes(), path
            assert b"header-value-5" not in path.read_bytes(), path


def test_the_oldest_logs_go(rig: Rig) -> None:
    rig.add("a.png")
    for _ in range(4):
        rig.run(log__keep=2)
    assert sorted(path.name for path in rig.workspace.logs.iterdir()) == [
        "000003-run.json",
        "000003-run.jsonl",
        "000004-run.json",
        "000004-run.jsonl",
    ]


def test_the_level_is_honoured(rig: Rig) -> None:
    rig.add("a.png")
    rig.run(log__level="error")
    assert not (rig.workspace.logs / "000001-run.jsonl").exists()
    assert last(rig)["exit_code"] == 0


def test_an_error_is_recorded_and_told(rig: Rig, tmp_path: Path) -> None:
    rig.add("a.png")
    with pytest.raises(NeedsPerson):
        rig.run(yes=False, budget__confirm_above="0", notify__command=hook(tmp_path / "out"))
    assert last(rig)["exit_code"] == 5
    assert "not confirmed" in last(rig)["problems"][0]
    assert log(rig, 1)[-1]["level"] == "error"
    assert heard(tmp_path / "out") == [last(rig)]
    with rig.ledger() as ledger:
        assert ledger.database.one("SELECT exit_code FROM runs WHERE id = 1") == (5,)


def test_what_fails_before_the_workspace_is_told_too(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.add("a.png")
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(UsageError):
        rig.run(notify__command=hook(tmp_path / "out"))
    (summary,) = heard(tmp_path / "out")
    assert (summary["exit_code"], summary["run"], summary["started_at"]) == (2, 0, "")
    assert "OPENAI_API_KEY" in summary["problems"][0]
    assert not rig.workspace.root.exists()


def test_a_busy_workspace_is_not_worth_a_word(rig: Rig, tmp_path: Path) -> None:
    rig.add("a.png")
    rig.run()
    before = last(rig)
    with rig.workspace.lock(), pytest.raises(Busy):
        rig.run(notify__command=hook(tmp_path / "out"), notify__when="always")
    assert heard(tmp_path / "out") == []
    assert last(rig) == before


def test_a_bug_is_recorded_with_its_traceback(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oh")

    rig.add("a.png")
    monkeypatch.setattr(source_run, "crawl_inputs", broken)
    with pytest.raises(ZeroDivisionError):
        rig.run(notify__command=hook(tmp_path / "out"))
    assert last(rig)["exit_code"] == 70
    assert last(rig)["problems"] == ["a bug in captionmill: ZeroDivisionError: oh"]
    (bug,) = [line for line in log(rig, 1) if line["event"] == "bug"]
    assert "raise ZeroDivisionError" in bug["traceback"]
    assert len(heard(tmp_path / "out")) == 1


def test_the_workspace_is_free_when_somebody_is_told(rig: Rig) -> None:
    rig.add("a.png")
    lock = "import fcntl, sys; fcntl.flock(open(sys.argv[1]), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    command = [sys.executable, "-c", lock, str(rig.workspace.root / "lock")]
    report = rig.run(notify__command=command, notify__when="always")
    assert report.problems == []


def test_a_failing_notice_is_a_sentence_and_the_exit_code_stands(rig: Rig) -> None:
    rig.add("a.png")
    report = rig.run(
        notify__command=["/none/such"], notify__url="http://127.0.0.1:1/x", notify__when="always"
    )
    assert report.exit_code == 0
    assert len(report.problems) == 2
    assert all(text in rig.said for text in report.problems)


def test_a_summary_that_cannot_be_written_is_a_sentence(rig: Rig) -> None:
    rig.add("a.png")
    rig.run()
    rig.workspace.last_run.unlink()
    rig.workspace.last_run.mkdir()
    report = rig.run()
    assert report.exit_code == 0
    assert "summary is not written" in report.problems[0]


def test_an_interruption_passes_untold(tmp_path: Path) -> None:
    notice = Notice(tuple(hook(tmp_path / "out")), when="always")
    with pytest.raises(KeyboardInterrupt), notified(notice, "run", lambda _text: None):
        raise KeyboardInterrupt
    assert heard(tmp_path / "out") == []


def test_the_source_is_looked_for_before_the_workspace_is_made(rig: Rig) -> None:
    with pytest.raises(UsageError):
        run(rig.config(), rig.data / "none")
    assert not rig.workspace.root.exists()
