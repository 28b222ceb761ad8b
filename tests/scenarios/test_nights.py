"""Nights that nobody watches, told by their exit codes and their notices alone."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.app import run_command_line
from pipeline.server.faults import BatchFault, LineFault, RequestFault
from tests.rig import Rig


@dataclass
class Night:
    """Calls the command line as cron does, and keeps what was said and told."""

    rig: Rig
    capsys: pytest.CaptureFixture[str]
    notices: Path
    said: str = ""

    def call(self, *arguments: str, **changes: object) -> tuple[int, dict[str, Any]]:
        """(exit code, report) of one command."""
        settings = {
            "provider.base_url": self.rig.server.base_url,
            "provider.name": "openai",
            "provider.model": "gpt-6-luna",
            "batch.poll_seconds": 1,
            "batch.grace_seconds": 0,
            "batch.listings_apart_seconds": 0,
            "notify.command": json.dumps(["sh", "-c", f"cat >> {self.notices}"]),
        }
        settings |= {key.replace("__", "."): value for key, value in changes.items()}
        command = [*arguments, "--json", "--workspace", str(self.rig.workspace.root)]
        for name, value in settings.items():
            command += ["--set", f"{name}={value}"]
        self.capsys.readouterr()
        self.notices.unlink(missing_ok=True)
        code = run_command_line(command)
        output, self.said = self.capsys.readouterr()
        return code, json.loads(output or "{}")

    def run(self, *arguments: str, **changes: object) -> tuple[int, dict[str, Any]]:
        """One night's run."""
        return self.call("run", str(self.rig.data), "--yes", *arguments, **changes)

    @property
    def told(self) -> bool:
        """True when the last command sent a notice."""
        return self.notices.exists()


@pytest.fixture
def night(rig: Rig, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Night:
    return Night(rig, capsys, tmp_path / "notices")


@pytest.fixture
def slow_night(slow_rig: Rig, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Night:
    return Night(slow_rig, capsys, tmp_path / "notices")


def names(count: int) -> tuple[str, ...]:
    return tuple(f"{n:03}.png" for n in range(count))


def refused(status: int = 400, code: str = "invalid_request_error") -> LineFault:
    return LineFault(outcome="status", status=status, code=code, message="Unknown parameter: 'x'.")


# -- nothing that was due got a caption


def test_a_night_in_which_all_goes_well_says_nothing(night: Night) -> None:
    night.rig.add(*names(3))
    code, report = night.run()
    assert (code, report["due"], report["due_failed"], night.told) == (0, 3, 0, False)
    code, report = night.run()  # nothing is due
    assert (code, report["due"], night.told) == (0, 0, False)


def test_when_every_request_fails_it_is_exit_10(night: Night) -> None:
    night.rig.add(*names(3))
    night.rig.server.faults.add(refused())
    code, report = night.run()
    assert (code, report["due_failed"], night.told) == (10, 3, True)
    assert any("captionmill retry --outcome failed" in text for text in report["problems"])
    night.rig.check()


@pytest.mark.parametrize("outcome", ["refusal", "content_filter", "empty", "length"])
def test_so_it_is_when_every_answer_is_no_caption(night: Night, outcome: str) -> None:
    night.rig.add(*names(2))
    night.rig.server.faults.add(LineFault(outcome=outcome))
    code, report = night.run()
    assert (code, report["due_failed"], night.told) == (10, 2, True)


def test_when_every_new_image_is_rejected_it_is_exit_10(night: Night) -> None:
    night.rig.add(*names(2))
    assert night.run()[0] == 0
    for name in ("x.jpg", "y.jpg"):
        (night.rig.data / name).write_bytes(b"\xff\xd8\xff\xe0 not much of a JPEG")
    code, report = night.run()
    assert (code, report["due"], report["outcomes"]["captioned"]) == (10, 2, 2)
    assert night.told
    assert night.run()[0] == 0  # they were due once


def test_one_caption_among_failures_is_no_total_failure(night: Night) -> None:
    night.rig.add(*names(4))
    night.rig.server.faults.add(
        LineFault(outcome="status", status=400, code="invalid_request_error", times=3)
    )
    code, report = night.run()
    assert (code, report["due"], report["due_failed"]) == (0, 4, 3)
    assert night.told  # three of four: more than [notify] failed_share
    night.rig.server.faults.clear()


def test_a_few_failures_are_told_to_nobody_unless_asked_for(night: Night) -> None:
    night.rig.add(*names(4))
    night.rig.server.faults.add(
        LineFault(outcome="status", status=400, code="invalid_request_error", times=1)
    )
    assert (night.run()[0], night.told) == (0, False)
    night.rig.add("new.png", "newer.png", "newest.png", first=50)
    night.rig.server.faults.clear()
    night.rig.server.faults.add(
        LineFault(outcome="status", status=400, code="invalid_request_error", times=1)
    )
    assert (night.run(notify__failed_share="0.2")[0], night.told) == (0, True)


def test_a_night_that_submits_and_a_day_that_collects_failures(slow_night: Night) -> None:
    night = slow_night
    night.rig.add(*names(2))
    night.rig.server.faults.add(refused())
    assert (night.run("--no-wait")[0], night.told) == (3, False)
    night.rig.pass_time(4000)
    code, report = night.call("collect")
    assert (code, report["due_failed"], night.told) == (10, 2, True)


def test_a_pilot_without_a_caption_is_exit_10(night: Night, tmp_path: Path) -> None:
    night.rig.add(*names(3))
    night.rig.server.faults.add(LineFault(outcome="refusal"))
    arguments = ["pilot", str(night.rig.data), "-n", "3", "--page", str(tmp_path / "p.html")]
    arguments += ["--workspace", str(night.rig.workspace.root), "--provider", "openai"]
    arguments += ["--base-url", night.rig.server.base_url]
    assert run_command_line(arguments) == 10
    assert "none of the 3 images" in night.capsys.readouterr().out


# -- a source without its images


def test_a_folder_without_images_is_exit_10_and_says_what_is_there(night: Night) -> None:
    for n in range(14):
        (night.rig.data / f"{n}.txt").write_text("x")
    code, report = night.run()
    assert (code, night.told) == (10, True)
    assert "no images in imgs: 14 .txt; is it the right one" in report["problems"][0]
    code, report = night.run()  # known to be so
    assert (code, night.told) == (0, True)
    assert "no images in imgs" in report["problems"][0]


def test_an_empty_folder_may_be_allowed(night: Night) -> None:
    assert (night.run()[0], night.told) == (10, True)
    assert (night.run(input__may_be_empty="true")[0], night.told) == (0, False)


def test_an_unmounted_disk_takes_nothing_out_of_the_table(night: Night, tmp_path: Path) -> None:
    rig = night.rig
    rig.add(*names(3))
    assert night.run()[0] == 0
    disk = tmp_path / "disk"
    rig.data.rename(disk)
    rig.data.mkdir()
    for _ in range(2):  # each night, until somebody acts
        code, report = night.run()
        assert (code, report["lost"], night.told) == (10, 3, True)
        assert "is a disk not mounted?" in night.said
        assert "--accept-lost" in report["problems"][0]
        assert [row["in_source"] for row in rig.table()] == [True] * 3
    rig.data.rmdir()
    disk.rename(rig.data)
    code, report = night.run()
    assert (code, report["outcomes"], report["lost"]) == (0, {"captioned": 3}, 0)
    assert len(rig.server.bill.rows()) == 3
    rig.check()


def test_most_of_a_source_is_missed_and_given_up_when_a_person_says_so(night: Night) -> None:
    rig = night.rig
    rig.add(*names(24))
    assert night.run()[0] == 0
    for name in names(13):
        (rig.data / name).unlink()
    code, report = night.run()
    assert (code, report["lost"], report["images"]) == (10, 13, 24)
    assert "11 of the 24 images of imgs are there" in report["problems"][0]
    assert night.run(input__lost_share="0.6")[0] == 0
    assert sum(row["in_source"] for row in rig.table()) == 11
    for name in names(24)[13:]:
        (rig.data / name).unlink()
    assert night.run()[0] == 10
    code, report = night.run("--accept-lost")
    assert (code, report["images"]) == (0, 0)
    assert not any(row["in_source"] for row in rig.table())


def test_a_table_whose_files_are_not_there_keeps_its_captions(night: Night, tmp_path: Path) -> None:
    rig = night.rig
    rig.add(*names(3))
    table = tmp_path / "items.csv"
    table.write_text("path\n" + "".join(f"imgs/{name}\n" for name in names(3)))

    def tonight(*arguments: str) -> tuple[int, dict[str, Any]]:
        return night.call("run", "--manifest", str(table), "--yes", *arguments)

    assert tonight()[0] == 0
    rig.data.rename(tmp_path / "disk")
    code, report = tonight()
    assert (code, report["lost"], report["outcomes"]) == (10, 3, {"captioned": 3})
    assert rig.outcomes() == {"captioned": 3}
    code, report = tonight("--accept-lost")
    assert (code, report["rejected_by_reason"]) == (0, {"missing_file": 3})
    (tmp_path / "disk").rename(rig.data)
    code, report = tonight()
    assert (code, report["outcomes"]) == (0, {"captioned": 3})
    assert len(rig.server.bill.rows()) == 3


def test_a_table_of_which_nothing_is_there_is_exit_10(night: Night, tmp_path: Path) -> None:
    table = tmp_path / "items.csv"
    table.write_text("path\na.png\nb.png\n")
    code, report = night.call("run", "--manifest", str(table), "--yes")
    assert (code, night.told) == (10, True)
    assert "no images in items.csv: 2 missing_file; the paths of the table" in report["problems"][0]


# -- budgets


PRICES = {"prices.gpt-6-luna": '{input="0.05",output="0"}'}  # the input decides, as with photos


def test_a_cap_of_the_command_line_holds_for_all_nights_until_it_is_lifted(night: Night) -> None:
    rig = night.rig
    rig.add(*names(30))
    code, report = night.run("--budget", "0.0001", **PRICES)
    assert (code, night.told) == (4, True)
    assert 0 < report["outcomes"]["captioned"] < 30
    assert "budget: $0.00010 for this workspace's life, from the command line" in night.said
    assert "pays for about" in night.said
    problems = " ".join(report["problems"])
    assert "the lifetime budget of $0.00010 has no room" in problems
    assert "For all of them: --budget 0.0" in problems
    code, report = night.run(**PRICES)  # nobody names it again
    assert code == 4
    assert "remembered (--budget none lifts it)" in night.said
    code, report = night.call("status")
    assert "remembered" in report["budget"]
    assert night.run("--budget", "none", **PRICES)[0] == 0
    assert "budget:" not in night.said
    assert night.call("status")[1]["budget"] == ""


def test_what_is_said_to_be_enough_finishes_the_job(night: Night) -> None:
    rig = night.rig
    rig.add(*names(30))
    code, report = night.run("--budget", "0.0001", **PRICES)
    enough = " ".join(report["problems"]).split("For all of them: --budget ")[1].split()[0]
    code, report = night.run("--budget", enough, **PRICES)
    assert (code, report["outcomes"]) == (0, {"captioned": 30})


def test_a_configured_cap_is_before_a_remembered_one_and_is_not_remembered(night: Night) -> None:
    night.rig.add(*names(2))
    assert night.run("--budget", "5.00")[0] == 0
    own = night.rig.workspace.root.parent / "own.toml"
    own.write_text('[budget]\nlifetime = "7.00"\n')
    assert night.run("--config", str(own))[0] == 0
    assert "$7.00 for this workspace's life, from" in night.said
    night.run()
    assert "$5.00 for this workspace's life, remembered" in night.said


def test_the_last_cents_of_a_cap_do_not_go_out_in_ever_smaller_batches(night: Night) -> None:
    rig = night.rig
    rig.add(*names(60))
    code, report = night.run("--budget", "0.00019", **PRICES)
    assert code == 4
    assert "the next 3 requests may cost" in " ".join(report["problems"])
    with rig.ledger() as ledger:
        sizes = [row[0] for row in ledger.database.execute("SELECT requests FROM shards")]
    assert min(sizes) > 2
    assert len(sizes) <= 8


# -- refusals, at once


MONEY = {
    "code": "billing_hard_limit_reached",
    "message": "Billing hard limit has been reached.",
}


def ends_at_once(night: Night, *arguments: str, **changes: object) -> list[str]:
    """A run that ends with exit 5, tells somebody, and does not wait; gives what it says."""
    began = time.monotonic()
    code, report = night.run(*arguments, **changes)
    assert (code, night.told) == (5, True)
    assert time.monotonic() - began < 60
    return [str(text) for text in report["problems"]]


def test_a_spend_limit_in_a_failed_batch_ends_the_run_and_says_what_to_do(night: Night) -> None:
    rig = night.rig
    rig.add(*names(4))
    rig.server.faults.add(
        BatchFault(fail="billing_hard_limit_reached", message=MONEY["message"], nth=1)
    )
    (text, *_) = ends_at_once(night, batch__max_requests=2)
    assert "raise the spend limit at the service, then run again" in text
    rig.server.faults.clear()
    code, report = night.run(batch__max_requests=2)  # nothing has to be waited for
    assert (code, report["outcomes"]) == (0, {"captioned": 4})
    rig.check()


def test_a_spend_limit_at_a_create_call_does_not_wait_for_open_batches(slow_night: Night) -> None:
    night = slow_night
    night.rig.add(*names(4))
    night.rig.server.faults.add(
        RequestFault(action="status", method="POST", path="/v1/batches", nth=2, status=429, **MONEY)
    )
    (text, *_) = ends_at_once(night, batch__max_requests=2)
    assert "raise the spend limit" in text


def test_credits_that_end_within_a_batch_end_the_run(
    night: Night,
) -> None:
    rig = night.rig
    rig.add(*names(3))
    rig.server.faults.add(
        LineFault(
            outcome="status", status=429, code="insufficient_quota",
            message="You exceeded your current quota.",
        )
    )  # fmt: skip
    (text, *_) = ends_at_once(night)
    assert "add credits or raise the limit" in text
    assert "captionmill retry --outcome failed" in text
    rig.check()


def test_a_service_that_is_out_of_order_is_said_with_the_time_of_the_next_try(
    night: Night,
) -> None:
    night.rig.add(*names(2))
    night.rig.server.faults.add(
        RequestFault(action="status", method="POST", path="/v1/files", status=503, times=3)
    )
    code, report = night.run()
    assert (code, report["outcomes"]) == (0, {"captioned": 2})
    trouble = next(line for line in night.said.splitlines() if "answered 503" in line)
    assert "next try at " in trouble
    assert "Ctrl-C is safe" in trouble
    assert "the service takes requests again" in night.said


def test_a_full_queue_is_said_with_the_time_of_the_next_try(slow_night: Night) -> None:
    night = slow_night
    night.rig.add(*names(2))
    night.rig.server.faults.add(BatchFault(fail="token_limit_exceeded", times=1))
    _, first = night.run("--no-wait")
    night.rig.pass_time(5)
    code, second = night.run("--no-wait")
    assert code == 3
    assert "it goes again after 5 min" in " ".join(first["problems"] + second["problems"])


def test_a_form_that_is_refused_is_sent_to_fifty_and_no_more(night: Night) -> None:
    rig = night.rig
    rig.add(*names(60))
    rig.server.faults.add(refused())
    (text, *_) = ends_at_once(night)
    assert "all 50 requests that came back were refused alike: nothing more is sent" in text
    assert "Unknown parameter: 'x'" in text
    with rig.ledger() as ledger:
        assert ledger.database.number("SELECT SUM(requests) FROM shards") == 50
    rig.server.faults.clear()
    code, report = night.run(prompt__temperature="0.5")  # another form: all go again by themselves
    assert (code, report["outcomes"]) == (0, {"captioned": 60})
    rig.check()


def test_a_form_that_was_answered_needs_no_small_shard(night: Night) -> None:
    rig = night.rig
    rig.add(*names(60))
    assert night.run()[0] == 0
    assert "the first 50 go alone" in night.said
    for prompt in ("Another one.", "A third."):
        assert night.run(prompt__user=prompt)[0] == 0
        assert "go alone" not in night.said
    with rig.ledger() as ledger:
        rows = ledger.database.execute("SELECT requests FROM shards ORDER BY id")
        assert [row[0] for row in rows] == [50, 10, 60, 60]
    rig.check()


def test_a_form_that_was_never_answered_is_sent_a_little_also_without_waiting(
    slow_night: Night,
) -> None:
    rig = slow_night.rig
    rig.add(*names(60))
    sent = []
    for _ in range(2):
        assert slow_night.run("--no-wait")[0] == 3
        assert "the first 50 go alone, the others with the next run after they" in slow_night.said
        with rig.ledger() as ledger:
            sent.append(ledger.database.number("SELECT SUM(requests) FROM shards"))
    assert sent == [50, 50]
    rig.pass_time(7200)
    assert slow_night.run("--no-wait")[0] == 3
    assert "go alone" not in slow_night.said
    rig.pass_time(7200)
    code, report = slow_night.run("--no-wait")
    assert (code, report["outcomes"]) == (0, {"captioned": 60})
    rig.check()


# -- what is stronger


def test_what_is_pending_or_wrong_decides_before_exit_10(slow_night: Night) -> None:
    night = slow_night
    night.rig.add(*names(2))
    night.rig.server.faults.add(BatchFault(fail="token_limit_exceeded", times=1))
    assert night.run("--no-wait")[0] == 3
    for name in names(2):
        (night.rig.data / name).unlink()
    night.rig.server.faults.add(
        RequestFault(action="status", method="GET", path="/v1/batches", status=500)
    )
    assert night.run("--no-wait")[0] == 9
