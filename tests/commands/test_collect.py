"""The command collect."""

from __future__ import annotations

import json
import shutil

import pytest

from pipeline.commands.collect import collect, collect_files
from pipeline.commands.write import write
from pipeline.errors import CostAnomaly
from pipeline.ledger import Ledger
from pipeline.server.faults import BatchFault, RequestFault
from tests.killing import killed_at
from tests.rig import MODEL, Rig

NO_LIST = RequestFault(action="status", method="GET", path="/v1/batches", status=500)


@pytest.fixture
def dear(slow_rig: Rig) -> Rig:
    """Two batches are over; a line of one costs more than was reserved for it."""
    rig = slow_rig
    rig.add("a.png", "b.png")
    rig.run(wait=False, batch__max_requests=1)
    with Ledger(rig.workspace.ledger) as ledger:
        ledger.database.execute("UPDATE items SET worst = 1 WHERE shard = 1")
    rig.pass_time(4_000)
    return rig


def test_the_table_has_what_a_killed_run_has_recorded(rig: Rig) -> None:
    rig.add("a.png", "b.png", *(f"{n}.png" for n in range(8)))
    rig.run()
    shutil.copy(rig.data / "a.png", rig.data / "c.png")
    with killed_at("ledger.after_commit.crawl"):
        rig.run()
    collect(rig.config())
    assert rig.outcomes() == {"captioned": 10, "pending": 1}
    (rig.data / "b.png").unlink()
    with killed_at("ledger.after_commit.crawled"):
        rig.run()
    collect(rig.config())
    assert [row["path"] for row in rig.table() if not row["in_source"]] == ["b.png"]
    with killed_at("ledger.after_commit.use_spec"):
        rig.run(prompt__user="Otherwise.")
    collect(rig.config())
    assert rig.outcomes()["pending"] == 11


def test_the_tokens_of_the_answers_are_reported_everywhere(slow_rig: Rig) -> None:
    rig = slow_rig
    rig.add("a.png", "b.png")
    rig.run(wait=False)
    rig.pass_time(4_000)
    report = collect(rig.config())
    billed = rig.server.bill.rows()
    assert report.prompt_tokens == sum(row.usage.prompt for row in billed) > 0
    assert report.completion_tokens == sum(row.usage.completion for row in billed) > 0
    assert f"{report.prompt_tokens:,} prompt" in "\n".join(report.lines())
    for written in (report.as_dict(), json.loads(rig.workspace.last_run.read_bytes())):
        assert written["prompt_tokens"] == report.prompt_tokens
    (log,) = rig.workspace.logs.glob("000002-*.jsonl")
    ended = json.loads(log.read_text().splitlines()[-1])
    assert ended["summary"]["completion_tokens"] == report.completion_tokens


@pytest.mark.parametrize("command", ["collect", "run"])
def test_a_dear_line_decides_over_a_list_that_cannot_be_read(dear: Rig, command: str) -> None:
    rig = dear
    rig.server.faults.add(NO_LIST)
    report = collect(rig.config()) if command == "collect" else rig.run(wait=False)
    assert isinstance(report.error, CostAnomaly)
    assert report.exit_code == 6
    said = "\n".join(report.problems)
    assert "answered 500" in said or "status 500" in said
    assert str(report.error) in said
    assert report.settled_batches == 2
    assert report.prompt_tokens > 0


@pytest.mark.parametrize("command", ["collect", "run"])
def test_problems_and_open_batches_are_reported_without_a_list(slow_rig: Rig, command: str) -> None:
    rig = slow_rig
    rig.add("a.png", "b.png")
    rig.server.faults.add(BatchFault(alien=1, stuck_seconds=10**7, nth=2))
    rig.server.faults.add(BatchFault(alien=1))
    rig.run(wait=False, batch__max_requests=1)
    rig.pass_time(4_000)
    rig.server.faults.add(NO_LIST)
    report = collect(rig.config()) if command == "collect" else rig.run(wait=False)
    assert report.exit_code == 9
    assert (report.open, report.settled_batches) == (1, 1)
    assert any("unknown id" in text for text in report.problems)


def test_answers_that_come_as_files_are_counted_and_exported(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    folder = rig.data.parent / "out"
    write(rig.config(), rig.data, folder, say=rig.said.append)
    (requests,) = folder.glob("*.jsonl")
    answers = rig.data.parent / "answers.jsonl"
    names = [json.loads(line)["custom_id"] for line in requests.read_text().splitlines()]
    message = {"role": "assistant", "content": "a cat"}
    body = {
        "model": MODEL,
        "choices": [{"message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
    }
    for done, name in enumerate(names, start=1):
        line = {"custom_id": name, "response": {"status_code": 200, "body": body}, "error": None}
        answers.write_text(json.dumps(line) + "\n")
        report = collect_files(rig.config(), [answers], say=rig.said.append)
        assert (report.answers, report.prompt_tokens, report.error) == ({"captioned": 1}, 100, None)
        assert rig.outcomes()["captioned"] == done
    log = max(rig.workspace.logs.glob("*.jsonl"))
    assert json.loads(log.read_text().splitlines()[-1])["summary"]["prompt_tokens"] == 100
    report = collect_files(rig.config(), [answers], say=rig.said.append)
    assert report.answers == {}
    assert any("answered already" in text for text in report.problems)
