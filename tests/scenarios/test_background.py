"""Background responses: accepted at once, answered within a window, read by their ids."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.commands.cancel import cancel
from pipeline.commands.collect import collect
from pipeline.server.fault_rules import LineFault, RequestFault
from pipeline.server.faults import Compat
from pipeline.server.settings import BatchDurations
from pipeline.session.report import Report
from tests.rig import Rig, open_rig

HOURS = 8 * 3600.0


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """A service that answers background responses after some hours."""
    monkeypatch.setattr("pipeline.core.background._LOOKS", 10**6)
    with open_rig(tmp_path, monkeypatch, durations=BatchDurations(background=HOURS)) as rig:
        rig.add("a.png", "b.png", "c.png")
        yield rig


SETTINGS = {
    "provider__name": "openai_online",
    "provider__endpoint": "/v1/responses",
    "online__tier": "background",
    "online__background_discount": 0.4,
}


def run(rig: Rig, **overrides: object) -> Report:
    return rig.run(wait=False, **{**SETTINGS, **overrides})


def test_responses_are_read_by_a_later_run_and_bought_once(rig: Rig) -> None:
    first = run(rig)
    assert (first.exit_code, first.open) == (3, 1)
    rig.check(at_rest=False)
    assert rig.posts("/v1/responses") == 3
    rig.server.clock.advance(HOURS)
    second = run(rig)
    assert second.exit_code == 0
    assert rig.outcomes() == {"captioned": 3}
    assert rig.posts("/v1/responses") == 3
    assert len(rig.server.bill.requests("DELETE", "/v1/responses/")) == 3
    rig.check()


def test_a_run_waits_for_what_it_and_an_earlier_one_sent(rig: Rig) -> None:
    assert run(rig).exit_code == 3
    rig.add("d.png", first=10)
    advanced = threading.Timer(1.5, rig.server.clock.advance, [2 * HOURS])
    advanced.start()
    report = rig.run(**SETTINGS)
    advanced.join()
    assert (report.exit_code, report.open) == (0, 0)
    assert rig.outcomes() == {"captioned": 4}
    assert rig.posts("/v1/responses") == 4
    rig.check()


def test_collect_reads_each_once_whatever_the_configuration_is_now(rig: Rig) -> None:
    run(rig)
    assert collect(rig.config()).exit_code == 3
    rig.server.clock.advance(HOURS)
    report = collect(rig.config())
    assert (report.exit_code, report.answers["captioned"]) == (0, 3)
    rig.check()


def test_a_run_of_batches_leaves_them_open_and_sends_none_again(rig: Rig) -> None:
    run(rig)
    rig.add("d.png", first=10)
    beside = rig.run(provider__endpoint="/v1/responses")
    assert (beside.exit_code, beside.open) == (3, 1)
    rig.server.clock.advance(HOURS)
    assert rig.run(provider__endpoint="/v1/responses").exit_code == 0
    assert rig.outcomes() == {"captioned": 4}
    rig.check()


def test_cancelled_responses_are_free_and_go_again(rig: Rig) -> None:
    run(rig)
    assert cancel(rig.config(), rig.said.append) == 3
    with rig.ledger() as ledger:
        totals = ledger.reservations.totals()
        assert (totals.charged, totals.reserved) == (0, 0)
    assert run(rig).exit_code == 3
    rig.server.clock.advance(HOURS)
    assert run(rig).exit_code == 0
    rig.check()


def test_full_prices_are_reserved_unless_a_discount_is_configured(rig: Rig) -> None:
    run(rig, online__background_discount=0)
    with rig.ledger() as ledger:
        full = ledger.reservations.totals().reserved
    cancel(rig.config(), rig.said.append)
    run(rig)
    with rig.ledger() as ledger:
        assert ledger.reservations.totals().reserved == pytest.approx(0.6 * full, rel=1e-6)


def test_without_a_configured_discount_the_books_are_never_below_the_bill(rig: Rig) -> None:
    run(rig, online__background_discount=0)
    rig.server.clock.advance(HOURS)
    assert run(rig, online__background_discount=0).exit_code == 0
    with rig.ledger() as ledger:
        charged = ledger.reservations.totals().charged
    assert charged * 0.6 == pytest.approx(rig.server.bill.total_nano(), rel=1e-3)


def test_a_service_that_names_no_window_is_booked_at_its_full_price(rig: Rig) -> None:
    rig.server.service.faults.compat = Compat(no_background=True)
    assert run(rig).exit_code == 0  # answered at once
    rig.check()


def test_a_response_that_failed_goes_again(rig: Rig) -> None:
    rig.server.faults.add(LineFault(outcome="server_error", times=1))
    run(rig)
    rig.server.clock.advance(HOURS)
    assert run(rig).exit_code == 3
    rig.server.clock.advance(HOURS)
    assert run(rig).exit_code == 0
    assert rig.posts("/v1/responses") == 4
    assert rig.outcomes() == {"captioned": 3}


def test_a_service_that_does_not_answer_the_look_keeps_them_open(rig: Rig) -> None:
    run(rig)
    rig.server.clock.advance(HOURS)
    broken = RequestFault(method="GET", path="/v1/responses/*", action="status", status=500)
    rig.server.faults.add(broken)
    assert run(rig).exit_code == 9
    rig.server.faults.clear()
    assert run(rig).exit_code == 0
    assert rig.posts("/v1/responses") == 3
    rig.check()


def test_a_response_that_is_gone_counts_at_its_highest_cost_and_is_not_bought_again(
    rig: Rig,
) -> None:
    run(rig)
    journal = next(rig.workspace.raw.glob("online-*.journal"))
    ids = [line.split()[2] for line in journal.read_text().splitlines() if line[:1] == "@"]
    rig.server.clock.advance(HOURS)
    rig.server.service.background.delete(ids[0])
    assert run(rig).exit_code == 0
    assert rig.outcomes() == {"captioned": 2, "missing": 1}
    assert rig.posts("/v1/responses") == 3
    with rig.ledger() as ledger:
        assert ledger.reservations.totals().charged > rig.server.bill.total_nano()


def test_what_is_asked(rig: Rig) -> None:
    run(rig)
    key = next(rig.workspace.shards.glob("online-*.jsonl"))
    body = json.loads(key.read_text().splitlines()[0])["body"]
    assert body["background"] is body["store"] is True
    assert body["background_options"] == {"completion_window": "8h"}
