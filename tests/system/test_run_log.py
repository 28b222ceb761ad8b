from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from pipeline.system.run_log import LEVELS, LogKeep, RunLog, drop_old, iso, log_path, summary_path

NOW = 1_790_000_000
KEY = "sk-test-0123456789abcdef"


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_bytes().split(b"\n") if line]


def test_one_object_a_line(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "a.jsonl", lambda: 1_790_000_000)
    log.write("batch.created", batch="batch_1", requests=5)
    log.write("problem", level="warning", text="two\nlines \x1b[31m and \u2028")
    first, second = lines(tmp_path / "a.jsonl")
    assert first == {
        "time": "2026-09-21T14:13:20Z",
        "level": "info",
        "event": "batch.created",
        "batch": "batch_1",
        "requests": 5,
    }
    assert second["text"] == "two\nlines \x1b[31m and \u2028"
    assert (tmp_path / "a.jsonl").read_bytes().isascii()
    assert b"\x1b" not in (tmp_path / "a.jsonl").read_bytes()
    assert stat.S_IMODE((tmp_path / "a.jsonl").stat().st_mode) == 0o600


@pytest.mark.parametrize("least", LEVELS)
def test_the_level_leaves_out_what_is_below(tmp_path: Path, least: str) -> None:
    log = RunLog(tmp_path / "a.jsonl", lambda: 0, level=least)
    for level in LEVELS:
        log.write("x", level=level)
    written = [line["level"] for line in lines(tmp_path / "a.jsonl")]
    assert written == list(LEVELS[LEVELS.index(least) :])


def test_keys_are_hidden_at_any_depth(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "a.jsonl", lambda: 0, secrets=[KEY, "a header\\value"])
    log.write("x", text=f"with {KEY}", deep={"a": [f"b {KEY}", ("a header\\value",)]}, number=5)
    log.write("y", text="Authorization: Bearer abcdef and gsk_0123456789")
    written = (tmp_path / "a.jsonl").read_text()
    for secret in (KEY, "header", "abcdef", "0123456789"):
        assert secret not in written
    assert lines(tmp_path / "a.jsonl")[0]["number"] == 5


def test_what_json_does_not_know_is_text(tmp_path: Path) -> None:
    RunLog(tmp_path / "a.jsonl", lambda: 0).write("x", path=Path("/a"), half="\ud800")
    (line,) = lines(tmp_path / "a.jsonl")
    assert (line["path"], line["half"]) == ("/a", "\ud800")


def test_a_log_that_cannot_be_written_is_given_up(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "none" / "a.jsonl", lambda: 0)
    log.write("x")
    (tmp_path / "none").mkdir()
    log.write("y")
    assert not (tmp_path / "none" / "a.jsonl").exists()


def test_the_newest_runs_are_kept(tmp_path: Path) -> None:
    for run in (8, 9, 10, 999_999, 1_000_000):
        log_path(tmp_path, run).touch()
        summary_path(tmp_path, run).touch()
    (tmp_path / "000001-run.txt").touch()
    drop_old(tmp_path, LogKeep(4), NOW, current=1_000_001)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "000001-run.txt",
        "000010-run.json",
        "000010-run.jsonl",
        "1000000-run.json",
        "1000000-run.jsonl",
        "999999-run.json",
        "999999-run.jsonl",
    ]
    drop_old(tmp_path, LogKeep(30), NOW)
    assert log_path(tmp_path, 10).exists()


def test_what_only_collects_takes_no_place_of_a_run(tmp_path: Path) -> None:
    for run in range(1, 8):
        log_path(tmp_path, run).touch()
    drop_old(tmp_path, LogKeep(2), NOW, frozenset({3, 4, 5, 6, 8}), current=8)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "000002-run.jsonl",
        "000006-run.jsonl",
        "000007-run.jsonl",
    ]


def test_logs_are_kept_by_their_age(tmp_path: Path) -> None:
    for run, age in ((1, 90), (2, 50)):
        log_path(tmp_path, run).touch()
        os.utime(log_path(tmp_path, run), (NOW - age, NOW - age))
    drop_old(tmp_path, LogKeep(None, 60), NOW)
    assert [path.name for path in tmp_path.iterdir()] == ["000002-run.jsonl"]


def test_nothing_to_drop(tmp_path: Path) -> None:
    drop_old(tmp_path, LogKeep(1), NOW)
    assert list(tmp_path.iterdir()) == []


def test_times_are_utc() -> None:
    assert iso(0) == "1970-01-01T00:00:00Z"
