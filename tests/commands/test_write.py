"""Requests as files, and the answers back: run by hand against the server, as a person would."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.commands.cancel import cancel_files
from pipeline.commands.collect import collect, collect_files
from pipeline.commands.rebuild import rebuild
from pipeline.commands.status import status
from pipeline.commands.verify import verify
from pipeline.commands.write import write
from pipeline.config import Config
from pipeline.errors import OverBudget, UsageError
from pipeline.server.faults import LineFault
from pipeline.session.report import Report
from tests.rig import KEY, Rig
from tests.server.support import client_for, content_lines, submit, wait_for


class Elsewhere:
    """Somebody who runs files of requests, at a service of their own choice."""

    def __init__(self, rig: Rig, out: Path) -> None:
        self.rig, self.out = rig, out
        self.client = client_for(rig.server.base_url, KEY)

    def run(self, path: Path) -> tuple[Path, Path | None]:
        """(output file, error file) of a file of requests."""
        batch = wait_for(self.client, submit(self.client, data=path.read_bytes()).id)
        output = self._save(batch.output_file_id, f"{path.stem}-out")
        return output, self._save(batch.error_file_id, f"{path.stem}-err", missing=True)

    def _save(self, file_id: str | None, name: str, missing: bool = False) -> Any:
        if missing and not file_id:
            return None
        target = self.out / f"{name}.jsonl"
        lines = content_lines(self.client, file_id) if file_id else []
        target.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return target


@pytest.fixture
def elsewhere(rig: Rig, tmp_path: Path) -> Iterator[Elsewhere]:
    (tmp_path / "out").mkdir()
    opened = Elsewhere(rig, tmp_path / "out")
    yield opened
    opened.client.close()


def written(rig: Rig, out: Path, config: Config | None = None) -> Report:
    return write(config or rig.config(), rig.data, out, say=rig.said.append)


def files(out: Path) -> list[Path]:
    return sorted(path for path in out.iterdir() if not path.stem.endswith(("-out", "-err")))


def test_written_run_elsewhere_and_merged(elsewhere: Elsewhere, rig: Rig) -> None:
    rig.add("a.png", "b.png", "c.png")
    report = written(rig, elsewhere.out, rig.config(batch__max_requests=2))
    assert (report.files, report.requests, report.in_files, report.exit_code) == (2, 3, 3, 3)
    assert report.outcomes == {"pending": 3}
    assert "3 requests in files" in "\n".join(report.lines())
    assert rig.posts(None) == 0
    first, second = files(elsewhere.out)
    assert [len(p.read_bytes().splitlines()) for p in (first, second)] == [2, 1]
    half = collect_files(rig.config(), [elsewhere.run(first)[0]])
    assert (half.exit_code, half.in_files) == (3, 1)
    assert half.outcomes == {"captioned": 2, "pending": 1}
    whole = collect_files(rig.config(), [elsewhere.run(second)[0]])
    assert (whole.exit_code, whole.outcomes) == (0, {"captioned": 3})
    captions = {row["path"]: row["caption"] for row in rig.table()}
    assert len(set(captions.values())) == 3
    rig.check()


def test_the_books_are_in_order_at_every_step(elsewhere: Elsewhere, rig: Rig) -> None:
    rig.add(*(f"{n}.png" for n in range(4)))
    config = rig.config(batch__max_requests=2)
    written(rig, elsewhere.out, config)
    assert verify(config).findings == ()
    assert [shard.state for shard in status(config).waiting] == ["WRITTEN", "WRITTEN"]
    first, second = files(elsewhere.out)
    output, _ = elsewhere.run(first)
    half = output.with_name("half-out")
    half.write_bytes(output.read_bytes().splitlines(keepends=True)[0])
    for path in (half, output, elsewhere.run(second)[0]):
        collect_files(config, [path])
        assert verify(config).findings == ()
    assert status(config).waiting == []
    rig.check()
    raw = sorted(rig.workspace.raw.glob("*.gz"))
    assert len(raw) == 3
    raw[0].unlink()
    assert "is missing" in "".join(verify(config).findings)


def test_a_lost_ledger_comes_back_with_what_was_merged(elsewhere: Elsewhere, rig: Rig) -> None:
    rig.add(*(f"{n}.png" for n in range(3)))
    config = rig.config(batch__max_requests=2)
    written(rig, elsewhere.out, config)
    outputs = [elsewhere.run(path)[0] for path in files(elsewhere.out)]
    half = outputs[0].with_name("half-out")
    half.write_bytes(outputs[0].read_bytes().splitlines(keepends=True)[0])
    collect_files(config, [half, *outputs])
    for path in rig.workspace.root.glob("ledger.db*"):
        path.unlink()
    rebuild(config, rig.said.append)
    report = rig.run()
    assert (report.requests, report.outcomes) == (0, {"captioned": 3})
    assert verify(config).findings == ()
    rig.check()


def test_requests_are_not_written_where_no_folder_is_named(rig: Rig) -> None:
    rig.add("a.png")
    with pytest.raises(UsageError, match="an empty name is no folder"):
        write(rig.config(), rig.data, "")
    assert not rig.workspace.ledger.exists()


def test_no_key_and_no_service_are_needed(
    elsewhere: Elsewhere, rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.add("a.png")
    monkeypatch.delenv("OPENAI_API_KEY")
    nowhere = {"provider__base_url": "http://127.0.0.1:1/v1"}
    for name in ("openai", "auto"):
        config = rig.config(provider__name=name, **nowhere)
        report = written(rig, elsewhere.out, config)
        assert report.exit_code == 3
    (path,) = files(elsewhere.out)
    output, _ = elsewhere.run(path)
    assert collect_files(rig.config(**nowhere), [output]).outcomes == {"captioned": 1}
    rig.check()


def test_what_is_out_in_files_is_not_sent_too(elsewhere: Elsewhere, rig: Rig) -> None:
    rig.add("a.png", "b.png")
    written(rig, elsewhere.out)
    assert rig.run(wait=False).requests == 0
    assert rig.posts() == 0
    assert written(rig, elsewhere.out).files == 0
    rig.add("c.png", first=9)
    report = rig.run()
    assert report.outcomes == {"captioned": 1, "pending": 2}
    assert (report.exit_code, report.in_files) == (3, 2)
    assert collect(rig.config()).in_files == 2
    (path,) = files(elsewhere.out)
    assert collect_files(rig.config(), [elsewhere.run(path)[0]]).outcomes == {"captioned": 3}
    rig.check()


def test_what_is_given_back_is_sent_by_the_next_run(elsewhere: Elsewhere, rig: Rig) -> None:
    rig.add("a.png", "b.png")
    written(rig, elsewhere.out, rig.config(budget__lifetime="5"))
    assert cancel_files(rig.config(), rig.said.append) == 2
    with rig.ledger() as ledger:
        assert ledger.reservations.totals().reserved == 0
    assert cancel_files(rig.config(), rig.said.append) == 0
    assert rig.run().outcomes == {"captioned": 2}
    rig.check()


def test_an_answer_to_what_was_given_back_is_still_taken(elsewhere: Elsewhere, rig: Rig) -> None:
    rig.add("a.png", "b.png")
    written(rig, elsewhere.out)
    (path,) = files(elsewhere.out)
    output, _ = elsewhere.run(path)
    cancel_files(rig.config(), rig.said.append)
    report = collect_files(rig.config(), [output])
    assert (report.exit_code, report.outcomes) == (0, {"captioned": 2})
    assert rig.run().requests == 0
    rig.check()


def test_answers_of_another_workspace_wait_for_their_images(
    elsewhere: Elsewhere, rig: Rig, tmp_path: Path
) -> None:
    rig.add("a.png", "b.png")
    written(rig, elsewhere.out)
    (path,) = files(elsewhere.out)
    output, _ = elsewhere.run(path)
    other = rig.config(workspace=str(tmp_path / "other"))
    assert collect_files(other, [output]).images == 0
    report = write(other, rig.data, tmp_path / "none")
    assert (report.requests, report.outcomes) == (0, {"captioned": 2})


def test_merging_again_changes_nothing_and_says_so(elsewhere: Elsewhere, rig: Rig) -> None:
    rig.add("a.png", "b.png")
    written(rig, elsewhere.out)
    (path,) = files(elsewhere.out)
    output, _ = elsewhere.run(path)
    collect_files(rig.config(), [output])
    before = rig.table()
    report = collect_files(rig.config(), [output, output])
    left_out = f"{output}: 2 lines left out: their requests are answered already"
    assert report.problems == [left_out]
    assert report.exit_code == 0
    assert rig.table() == before
    rig.check()


def test_failures_come_back_too_and_go_again(elsewhere: Elsewhere, rig: Rig) -> None:
    rig.add(*(f"{n}.png" for n in range(4)))
    written(rig, elsewhere.out)
    (path,) = files(elsewhere.out)
    rig.server.faults.add(LineFault(outcome="server_error", times=1))
    rig.server.faults.add(LineFault(outcome="refusal", times=1))
    output, errors = elsewhere.run(path)
    assert errors is not None
    report = collect_files(rig.config(), [output, errors])
    assert report.outcomes == {"captioned": 2, "refused": 1, "pending": 1}
    assert report.in_files == 0
    again = written(rig, elsewhere.out)
    assert again.requests == 1
    newest = files(elsewhere.out)[-1]
    report = collect_files(rig.config(), [elsewhere.run(newest)[0]])
    assert report.outcomes == {"captioned": 3, "refused": 1}
    rig.check()


def test_a_file_of_requests_is_not_taken_for_answers(elsewhere: Elsewhere, rig: Rig) -> None:
    rig.add("a.png")
    written(rig, elsewhere.out)
    (path,) = files(elsewhere.out)
    with pytest.raises(UsageError, match="holds requests, not answers"):
        collect_files(rig.config(), [path])
    with pytest.raises(UsageError, match=r"cannot read .*none\.jsonl"):
        collect_files(rig.config(), [elsewhere.out / "none.jsonl"])
    assert collect_files(rig.config(), [elsewhere.run(path)[0]]).exit_code == 0


def test_odd_lines_are_counted_and_the_others_taken(elsewhere: Elsewhere, rig: Rig) -> None:
    rig.add("a.png", "b.png")
    written(rig, elsewhere.out)
    (path,) = files(elsewhere.out)
    output, _ = elsewhere.run(path)
    first, second = output.read_bytes().splitlines(keepends=True)
    alien = json.dumps({"custom_id": "mine-7", "response": {"status_code": 200}}).encode()
    output.write_bytes(b"\n" + first + alien + b"\n{half\n" + b"\xff\xfe\n" + second[:40])
    report = collect_files(rig.config(), [output])
    assert report.outcomes == {"captioned": 1, "pending": 1}
    assert report.problems == [
        f"{output}: 1 line left out: no request of captionmill",
        f"{output}: 3 lines left out: unreadable",
    ]
    output.write_bytes(second)
    assert collect_files(rig.config(), [output]).exit_code == 0
    rig.check()


def test_an_answer_to_what_is_at_the_service_comes_from_there(
    slow_rig: Rig, tmp_path: Path
) -> None:
    rig = slow_rig
    rig.add("a.png")
    written(rig, tmp_path / "out")
    line = {"custom_id": "", "response": {"status_code": 200, "body": {"choices": []}}}
    (path,) = (tmp_path / "out").iterdir()
    line["custom_id"] = json.loads(path.read_bytes())["custom_id"]
    cancel_files(rig.config(), rig.said.append)
    rig.run(wait=False)
    path.write_text(json.dumps(line))
    report = collect_files(rig.config(), [path])
    assert "1 line left out: their requests are under way" in report.problems[0]
    rig.pass_time(4000)
    assert rig.run().outcomes == {"captioned": 1}  # waits for the server, which ends it soon
    rig.check()


def test_the_budget_holds_for_files_too(elsewhere: Elsewhere, rig: Rig) -> None:
    rig.add(*(f"{n}.png" for n in range(10)))
    whole = written(rig, elsewhere.out, rig.config(budget__lifetime="0")).quote
    assert whole is not None
    assert whole.max_cost is not None
    assert files(elsewhere.out) == []
    cap = f"{whole.max_cost * 4 // 10 / 10**9:.9f}"
    report = written(rig, elsewhere.out, rig.config(budget__lifetime=cap))
    assert report.exit_code == OverBudget.exit_code
    assert 0 < report.requests < 10
    (path,) = files(elsewhere.out)
    done = report.requests
    report = collect_files(rig.config(), [elsewhere.run(path)[0]])
    assert report.outcomes == {"captioned": done, "pending": 10 - done}
    rig.check()


def test_an_answer_that_cost_more_than_was_reserved_stops_sending(
    elsewhere: Elsewhere, rig: Rig
) -> None:
    rig.add("a.png")
    written(rig, elsewhere.out)
    (path,) = files(elsewhere.out)
    output, _ = elsewhere.run(path)
    line = json.loads(output.read_bytes())
    line["response"]["body"]["usage"] = {"prompt_tokens": 10**6, "completion_tokens": 10**5}
    output.write_text(json.dumps(line))
    report = collect_files(rig.config(), [output])
    assert report.exit_code == 6
    rig.add("b.png", first=9)
    assert rig.run(wait=False).exit_code == 5
    with pytest.raises(Exception, match="cost more than was reserved"):
        written(rig, elsewhere.out)


def test_an_unknown_price_is_no_price(elsewhere: Elsewhere, rig: Rig) -> None:
    rig.add("a.png")
    config = rig.config(provider__model="my-own", models={"my-own": {"like": "gpt-6-luna"}})
    assert written(rig, elsewhere.out, config).exit_code == 3
    (path,) = files(elsewhere.out)
    path.write_bytes(path.read_bytes().replace(b"my-own", b"gpt-6-luna"))
    report = collect_files(config, [elsewhere.run(path)[0]])
    assert report.outcomes == {"captioned": 1}
    (row,) = rig.table()
    assert row["billed_cost"] is None
    assert row["prompt_tokens"] > 0
    assert row["model"] == "my-own"


def test_a_folder_that_cannot_be_written_leaves_the_shard_for_later(
    elsewhere: Elsewhere, rig: Rig
) -> None:
    rig.add("a.png")
    blocked = elsewhere.out / "blocked"
    blocked.touch()
    with pytest.raises(Exception, match="blocked"):
        written(rig, blocked)
    blocked.unlink()
    assert written(rig, elsewhere.out).files == 1


def test_the_caps_in_force_are_said_for_files_too(rig: Rig, tmp_path: Path) -> None:
    rig.add("a.png")
    write(rig.config(budget__lifetime="5"), rig.data, tmp_path / "out", say=rig.said.append)
    assert any(text.startswith("budget: ") and "$5.00" in text for text in rig.said)
