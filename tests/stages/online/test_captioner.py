"""Whole data sets online: real requests over HTTP, the server's bill as judge."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pipeline.commands.retry import retry
from pipeline.core.rate_limit import RateLimiter
from pipeline.errors import NeedsPerson, ServiceError
from pipeline.server.faults import LineFault, RequestFault
from pipeline.server.settings import AccountLimits
from pipeline.session.report import Report
from pipeline.stages.online import dispatcher
from tests.rig import KEY, Rig, open_rig

CHAT = "/v1/chat/completions"


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trouble is waited out in milliseconds."""
    monkeypatch.setattr(
        "pipeline.session.online_settings.OnlineSettings.rate_limiter",
        lambda online: RateLimiter(online.in_flight, first_pause=0.01),
    )


def online(rig: Rig, **more: Any) -> Report:
    return rig.run(**({"provider__name": "openai_online"} | more))


def names(count: int) -> list[str]:
    return [f"{n:03}.png" for n in range(count)]


def chats(rig: Rig) -> int:
    return rig.posts(CHAT)


def test_every_image_is_captioned_and_the_books_are_the_bill(rig: Rig) -> None:
    rig.add(*names(120))
    report = online(rig)
    assert report.exit_code == 0
    assert rig.outcomes() == {"captioned": 120}
    assert rig.posts("/v1/batches") == rig.posts("/v1/files") == 0
    assert report.requests == 120
    assert not list(rig.workspace.raw.glob("*.journal"))
    assert not list(rig.workspace.shards.glob("*.jsonl"))
    rig.check()
    assert online(rig).requests == 0
    assert chats(rig) == 120


def test_captions_paid_online_and_in_batches_are_the_same_captions(rig: Rig) -> None:
    rig.add(*names(3))
    online(rig)
    rig.add("later.png", first=50)
    assert rig.run().requests == 1  # as a batch: only the new one
    rig.add("last.png", first=60)
    assert online(rig).requests == 1
    assert rig.outcomes() == {"captioned": 5}
    assert (chats(rig), rig.posts("/v1/batches")) == (4, 1)
    rig.check()


def test_the_price_is_that_of_the_tier(rig: Rig) -> None:
    rig.server.faults.add(LineFault(outcome="text", text="a cat", times=3))
    rig.add("a.png")
    rig.run()
    batch = rig.server.bill.total_nano()
    rig.add("b.png", first=5)
    online(rig)
    standard = rig.server.bill.total_nano() - batch
    rig.add("c.png", first=6)
    online(rig, online__tier="flex")
    flex = rig.server.bill.total_nano() - batch - standard
    assert flex == batch
    assert standard == 2 * batch
    assert [row["price_version"].rsplit(" ", 1)[1] for row in rig.table()] == [
        "batch", "standard", "flex",
    ]  # fmt: skip
    rig.check()


def test_a_budget_is_kept_and_room_that_comes_back_is_used(rig: Rig) -> None:
    rig.add(*names(80))
    quote = online(rig, budget__lifetime="0").quote
    assert quote is not None
    assert quote.max_cost is not None
    assert chats(rig) == 0
    cap = quote.max_cost // 2
    report = online(rig, budget__lifetime=f"{cap / 10**9:.9f}")
    assert rig.server.bill.total_nano() <= cap
    assert report.outcomes["captioned"] > 40  # more than the highest costs would allow at once
    rig.check()
    assert online(rig, budget__lifetime="1").outcomes == {"captioned": 80}
    rig.check()


def test_rate_limits_are_learned_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = AccountLimits(requests_per_minute=3000, tokens_per_minute=1_000_000)
    with open_rig(tmp_path, monkeypatch, limits=limits) as rig:
        rig.add(*names(150))
        assert online(rig).outcomes == {"captioned": 150}
        assert chats(rig) - 150 <= 3  # requests that were refused and went again
        rig.check()


def test_a_refusal_for_the_rate_goes_again_and_costs_nothing(rig: Rig) -> None:
    rig.add(*names(10))
    rig.server.faults.add(
        RequestFault(
            action="status",
            path=CHAT,
            nth=(1, 4, 5),
            status=429,
            code="rate_limit_exceeded",
            retry_after=0.02,
        )
    )
    report = online(rig)
    assert report.outcomes == {"captioned": 10}
    assert chats(rig) == 13
    assert {row["attempts"] for row in rig.table()} == {1}
    rig.check()


LOST = [
    RequestFault(action="drop_after", path=CHAT, nth=3),
    RequestFault(action="drop_before", path=CHAT, nth=3),
    RequestFault(action="reset", path=CHAT, nth=3, after_effect=True),
    RequestFault(action="status", path=CHAT, nth=3, status=503, after_effect=True),
    RequestFault(action="status", path=CHAT, nth=3, status=500),
    RequestFault(action="malformed_json", path=CHAT, nth=3, after_effect=True),
    RequestFault(action="truncate", path=CHAT, nth=3),
    RequestFault(action="truncate_silently", path=CHAT, nth=3),
]


@pytest.mark.parametrize("fault", LOST, ids=lambda f: f"{f.action}-{f.after_effect}")
def test_a_lost_answer_counts_at_its_highest_cost_and_is_told(
    rig: Rig, fault: RequestFault
) -> None:
    rig.add(*names(8))
    rig.server.faults.add(fault)
    report = online(rig)
    assert report.outcomes == {"captioned": 7, "missing": 1}
    assert any("1 request of online-" in text for text in report.problems)
    (lost,) = (row for row in rig.table() if row["outcome"] == "missing")
    assert lost["billed_cost"] > max(
        row["billed_cost"] for row in rig.table() if row["outcome"] == "captioned"
    )
    bill, totals = rig.server.bill.total_nano(), report.settled
    assert bill <= totals
    assert report.reserved == 0
    assert not rig.server.bill.billed_again()
    asked = chats(rig)
    assert online(rig).requests == 0  # never again by itself
    assert chats(rig) == asked


@pytest.mark.parametrize("status", [301, 308, 404, 405])
def test_a_wrong_address_is_found_by_the_first_request_and_costs_nothing(
    rig: Rig, status: int
) -> None:
    rig.add(*names(8))
    rig.server.faults.add(RequestFault(action="page", path=CHAT, status=status, text="not here"))
    report = online(rig)
    assert isinstance(report.error, NeedsPerson)
    assert "check base_url" in str(report.error)
    assert report.outcomes == {"pending": 8}
    assert (report.settled, report.reserved, chats(rig)) == (0, 0, 1)


def test_a_web_page_in_place_of_the_first_answer_ends_the_run(rig: Rig) -> None:
    rig.add(*names(8))
    rig.server.faults.add(RequestFault(action="page", path=CHAT, status=200))
    report = online(rig)
    assert "web page" in str(report.error)
    assert report.outcomes == {"missing": 1, "pending": 7}
    assert chats(rig) == 1


@pytest.mark.parametrize("text", ["<h1>429</h1>", "", "slow down", '[{"error": {"code": 429}}]'])
def test_a_proxys_refusal_for_the_rate_goes_again_and_costs_nothing(rig: Rig, text: str) -> None:
    rig.add(*names(5))
    rig.server.faults.add(
        RequestFault(action="page", path=CHAT, nth=(1, 3), status=429, text=text, retry_after=0)
    )
    assert online(rig).outcomes == {"captioned": 5}
    assert chats(rig) == 7
    rig.check()


@pytest.mark.parametrize("status", [429, 503])
def test_an_outage_is_said_with_the_time_of_the_next_try_and_its_end(rig: Rig, status: int) -> None:
    rig.add(*names(12))
    fault = RequestFault(action="status", path=CHAT, nth=(1, 2, 3), status=status)
    rig.server.faults.add(fault)
    online(rig)
    said = [text for text in rig.said if str(status) in text or "again" in text]
    assert f"the service answered {status}" in said[0]
    assert "next try at " in said[0]
    assert said[0].endswith("; Ctrl-C is safe, nothing is lost")
    assert said[1:] == ["the service takes requests again"]  # once, not at each try


def test_a_request_that_is_lost_alone_is_said_at_the_end_only(rig: Rig) -> None:
    rig.add(*names(12))
    rig.server.faults.add(RequestFault(action="status", path=CHAT, nth=5, status=503))
    report = online(rig)
    assert not [text for text in rig.said if "next try" in text]
    assert any("got no answer" in text for text in report.problems)


def test_a_long_pause_is_said_at_once_while_others_are_answered(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "_NOTICED_PAUSE", 0.1)
    rig.add(*names(12))
    rig.server.faults.add(
        RequestFault(action="status", path=CHAT, nth=3, status=429, retry_after=0.3)
    )
    assert online(rig).outcomes == {"captioned": 12}
    said = [text for text in rig.said if "next try at" in text or "again" in text]
    assert "the service answered 429" in said[0]


def test_a_pause_that_is_too_long_ends_the_run_and_says_when_to_come_back(rig: Rig) -> None:
    rig.add(*names(5))
    fault = RequestFault(
        action="status", path=CHAT, nth=2, status=429, code="rate_limit_exceeded", retry_after=3600
    )
    rig.server.faults.add(fault)
    report = online(rig)
    assert report.outcomes["pending"] >= 1
    assert report.reserved == 0
    assert isinstance(report.error, ServiceError)
    assert "1 h 0 min" in str(report.error)
    assert "longest_pause" in str(report.error)
    assert online(rig).outcomes == {"captioned": 5}


def test_a_request_too_large_for_a_proxy_fails_alone(rig: Rig) -> None:
    rig.add(*names(5))
    rig.server.faults.add(RequestFault(action="page", path=CHAT, nth=2, status=413))
    report = online(rig)
    assert report.outcomes == {"captioned": 4, "failed": 1}
    assert report.error is None
    (row,) = (row for row in rig.table() if row["outcome"] == "failed")
    assert (row["reason_code"], row["billed_cost"]) == ("413", 0)
    assert "--long-side" in row["reason"]


def test_requests_that_are_all_refused_alike_end_the_run(rig: Rig) -> None:
    rig.add(*names(60))
    rig.server.faults.add(
        LineFault(outcome="status", status=400, code="unsupported_parameter", message="no top_k")
    )
    report = online(rig)
    assert isinstance(report.error, NeedsPerson)
    assert "refused alike (no top_k)" in str(report.error)
    assert 30 <= chats(rig) < 60 + 3


def test_answers_that_are_no_captions_have_the_outcomes_of_batches(rig: Rig) -> None:
    rig.add(*names(5))
    for outcome in ("refusal", "content_filter", "length", "empty"):
        rig.server.faults.add(LineFault(outcome=outcome, times=1))
    assert online(rig).outcomes == {
        "captioned": 1, "refused": 1, "filtered": 1, "length": 1, "empty": 1,
    }  # fmt: skip
    rig.check()


def test_a_refused_image_costs_nothing_and_stops_nobody(rig: Rig) -> None:
    rig.add(*names(4))
    rig.server.faults.add(LineFault(outcome="status", status=400, code="image_parse_error", nth=2))
    assert online(rig).outcomes == {"captioned": 3, "failed": 1}
    (row,) = (row for row in rig.table() if row["outcome"] == "failed")
    assert (row["reason_code"], row["billed_cost"]) == ("image_parse_error", 0)
    rig.check()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"status": 429, "code": "insufficient_quota"}, "add credits"),
        ({"status": 401, "code": "invalid_api_key"}, "check the key"),
    ],
)
def test_what_a_person_must_mend_stops_the_run(rig: Rig, fault: dict[str, Any], words: str) -> None:
    rig.add(*names(70))
    rig.server.faults.add(RequestFault(action="status", path=CHAT, **fault))
    report = online(rig)
    assert report.exit_code == 5
    assert any(words in text for text in report.problems)
    assert report.outcomes == {"pending": 70}
    assert (report.settled, report.reserved) == (0, 0)
    rig.server.faults.clear()
    assert online(rig).outcomes == {"captioned": 70}
    rig.check()


def test_an_unknown_model_stops_the_run_and_is_named(rig: Rig) -> None:
    rig.add(*names(3))
    report = online(rig, provider__model="gpt-5.9-none")
    assert report.exit_code == 5
    assert any("gpt-5.9-none" in t and "another model" in t for t in report.problems)
    assert report.outcomes == {"pending": 3}


def test_a_service_that_is_gone_leaves_the_images_pending(rig: Rig) -> None:
    rig.add(*names(3))
    report = online(rig, provider__base_url="http://127.0.0.1:9/v1")
    assert report.exit_code == 9
    assert any("no connection to http://127.0.0.1:9/v1" in text for text in report.problems)
    assert (report.outcomes, report.settled, report.reserved) == ({"pending": 3}, 0, 0)
    assert online(rig).outcomes == {"captioned": 3}
    rig.check()


def test_an_outage_in_the_middle_is_not_paid_for_again_and_again(rig: Rig) -> None:
    rig.add(*names(100))
    rig.server.faults.add(
        RequestFault(action="status", path=CHAT, status=503, nth=tuple(range(11, 500)))
    )
    report = online(rig, online__in_flight=8)
    assert report.exit_code == 9
    assert report.outcomes["captioned"] == 10
    assert report.outcomes["missing"] < 40
    rig.server.faults.clear()
    done = online(rig).outcomes
    assert done["captioned"] + done["missing"] == 100


def command_of(rig: Rig) -> list[str]:
    """A run as a process of its own, four requests at a time."""
    config = rig.workspace.root.parent / "kill.toml"
    config.write_text(
        f'workspace = "{rig.workspace.root}"\n[provider]\nname = "openai_online"\n'
        f'base_url = "{rig.server.base_url}"\n[online]\nin_flight = 4\n[images]\nworkers = 1\n'
        f'[budget]\nconfirm_above = "9"\nlifetime = "1.00"\n'
    )
    return [sys.executable, "-m", "pipeline", "run", str(rig.data), "--config", str(config)]


@pytest.mark.parametrize(
    "place",
    [
        "write.after_seal",
        "ledger.after_commit.online_begin",
        "online.before_post:2",
        "online.before_append:1",
        "online.before_append:4",
        "online.before_append:30",
        "ledger.after_commit.take_out",
        "files.before_rename:2",
        "online.before_settle",
        "ledger.before_commit.settle",
        "online.settled",
    ],
)
def test_a_kill_loses_at_most_what_was_in_flight(rig: Rig, place: str) -> None:
    rig.add(*names(60))
    environment = os.environ | {"OPENAI_API_KEY": KEY, "CAPTIONMILL_FAILPOINT": place}
    command = command_of(rig)
    killed = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert killed.returncode == -9, killed.stderr
    with rig.ledger() as ledger:
        totals = ledger.reservations.totals()
        assert rig.server.bill.total_nano() <= totals.charged + totals.reserved
    report = online(rig, budget__lifetime="1.00")
    lost = report.outcomes["missing"]
    assert report.outcomes == {"captioned": 60 - lost} | ({"missing": lost} if lost else {})
    assert lost <= 4
    assert bool(lost) == any(kind == "no_answer" for _, kind, _ in report.incidents)
    assert rig.server.bill.total_nano() <= report.settled
    if not lost:
        rig.check()
    assert not rig.server.bill.billed_again()
    assert report.reserved == 0
    assert not list(rig.workspace.raw.glob("*.journal"))


def test_a_stopped_run_waits_for_what_is_in_flight_and_loses_nothing(rig: Rig) -> None:
    rig.add(*names(60))
    rig.server.faults.add(RequestFault(action="delay", path=CHAT, seconds=0.2))
    stopped = subprocess.Popen(command_of(rig), env=os.environ | {"OPENAI_API_KEY": KEY})
    while len(rig.server.bill.rows()) < 6:
        assert stopped.poll() is None
        time.sleep(0.02)
    stopped.send_signal(signal.SIGINT)
    assert stopped.wait(60) == 130
    paid = len(rig.server.bill.rows())
    assert paid < 60
    rig.check()
    rig.server.faults.clear()
    report = online(rig)
    assert (report.requests, report.outcomes) == (60 - paid, {"captioned": 60})
    rig.check()


def test_a_person_can_let_lost_requests_go_again(rig: Rig) -> None:
    rig.add(*names(4))
    rig.server.faults.add(RequestFault(action="drop_before", path=CHAT, nth=2))
    assert online(rig).outcomes == {"captioned": 3, "missing": 1}
    assert retry(rig.config(provider__name="openai_online"), ["missing"], rig.said.append) == 1
    report = online(rig)
    assert (report.requests, report.outcomes) == (1, {"captioned": 4})
    assert sorted(row["attempts"] for row in rig.table()) == [1, 1, 1, 2]
    assert rig.server.bill.total_nano() < report.settled
