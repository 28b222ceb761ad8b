"""What batches really deliver: expired, cancelled, failed, torn, in any order. Everything paid
is kept, everything unpaid goes again, each image is billed once."""

from __future__ import annotations

import pytest

from pipeline.commands.cancel import cancel
from pipeline.commands.retry import retry
from pipeline.server.faults import BatchFault, LineFault
from tests.rig import Rig


def names(count: int) -> tuple[str, ...]:
    return tuple(f"{n:03}.png" for n in range(count))


def test_a_batch_that_expires_at_forty_percent_ends_with_every_image_captioned(rig: Rig) -> None:
    rig.add(*names(50))
    rig.server.faults.add(BatchFault(expire_at_fraction=0.4, times=1))
    report = rig.run()
    assert report.exit_code == 0
    assert (report.batches, report.requests) == (2, 80)
    assert rig.outcomes() == {"captioned": 50}
    assert len(rig.server.bill.rows()) == 50
    rig.check()


def test_expiry_again_and_again_ends_as_expired_after_five_attempts(rig: Rig) -> None:
    rig.add(*names(3))
    rig.server.faults.add(BatchFault(expire_at_fraction=0.0))
    report = rig.run()
    assert report.outcomes == {"expired": 3}
    assert report.batches == 5
    rig.server.faults.clear()
    assert retry(rig.config(), ["expired"], rig.said.append) == 3
    assert rig.run().outcomes == {"captioned": 3}
    rig.check()


def test_cancelling_keeps_what_was_finished_and_frees_the_rest(slow_rig: Rig) -> None:
    rig = slow_rig
    rig.add(*names(20))
    rig.run(wait=False)
    rig.pass_time(1800)
    assert cancel(rig.config(), rig.said.append) == 1
    rig.pass_time(60)
    report = rig.run(wait=False)
    assert 5 <= report.outcomes["captioned"] <= 15
    with rig.ledger() as ledger:
        assert ledger.reservations.totals().charged == rig.server.bill.total_nano()
    rig.pass_time(4000)
    assert rig.run().outcomes == {"captioned": 20}
    rig.check()


def test_a_completed_batch_without_output_buys_nothing_again(rig: Rig) -> None:
    rig.add(*names(4))
    rig.server.faults.add(BatchFault(no_output=True, times=1))
    report = rig.run()
    assert report.outcomes == {"missing": 4}
    assert len(rig.server.bill.rows()) == 4
    assert rig.run().requests == 0


def test_empty_file_ids_mean_no_file(rig: Rig) -> None:
    rig.add(*names(4))
    rig.server.faults.add(BatchFault(empty_ids=True))
    assert rig.run().outcomes == {"captioned": 4}
    rig.check()


def test_missing_duplicated_and_unknown_lines(rig: Rig) -> None:
    rig.add(*names(12))
    rig.server.faults.add(BatchFault(missing=2, duplicated=3, alien=2, times=1))
    report = rig.run()
    assert report.outcomes == {"captioned": 10, "missing": 2}
    assert any("unknown id" in text for text in report.problems)
    by_path = {row["path"]: row["caption"] for row in rig.table()}
    assert len({caption for caption in by_path.values() if caption}) == 10


def test_a_second_different_line_is_an_incident_and_the_first_wins(rig: Rig) -> None:
    rig.add(*names(3))
    rig.server.faults.add(BatchFault(duplicated=1, conflicting=True))
    report = rig.run()
    assert report.outcomes == {"captioned": 3}
    assert any(kind == "different_duplicate" for _, kind, _ in report.incidents)


def test_a_batch_stuck_past_its_end_is_cancelled_and_collected(
    slow_rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = slow_rig
    monkeypatch.setattr(
        "pipeline.system.clock.Clock.now", lambda _self: int(rig.server.clock.now())
    )
    monkeypatch.setattr("pipeline.system.clock._uptime", rig.server.clock.now)
    rig.server.faults.add(BatchFault(stuck_seconds=10**7, times=1))
    rig.add(*names(4))
    rig.run(wait=False)
    rig.pass_time(29 * 3600)
    assert rig.run(wait=False).open == 1  # past its end, but not for long enough
    rig.pass_time(2 * 3600)
    rig.run(wait=False)  # asks to cancel
    rig.pass_time(60)
    assert rig.run().outcomes == {"captioned": 4}
    cancels = [seen for seen in rig.server.bill.requests("POST") if "cancel" in seen.path]
    assert len(cancels) == 1
    assert rig.posts() == 1
    rig.check()


@pytest.mark.parametrize(
    ("outcome", "shown", "paid"),
    [
        ("refusal", "refused", True),
        ("content_filter", "filtered", True),
        ("length", "length", True),
        ("empty", "empty", True),
    ],
)
def test_paid_answers_without_a_caption_are_kept_and_not_bought_again(
    rig: Rig, outcome: str, shown: str, paid: bool
) -> None:
    rig.add(*names(3))
    rig.server.faults.add(LineFault(outcome=outcome, times=1))  # type: ignore[arg-type]
    report = rig.run()
    assert report.outcomes == {"captioned": 2, shown: 1}
    (row,) = (row for row in rig.table() if row["outcome"] == shown)
    assert (row["billed_cost"] > 0) == paid
    assert rig.run().requests == 0
    rig.check()


@pytest.mark.parametrize("status", [0, 429, 500, 503])
def test_lines_that_the_service_failed_go_again(rig: Rig, status: int) -> None:
    rig.add(*names(4))
    rig.server.faults.add(LineFault(outcome="status", status=status, times=2))
    assert rig.run().outcomes == {"captioned": 4}
    rig.check()


def test_a_request_that_the_service_calls_wrong_is_not_repeated(rig: Rig) -> None:
    rig.add(*names(2))
    rig.server.faults.add(
        LineFault(outcome="status", status=400, code="invalid_image_format", message="bad", times=1)
    )
    report = rig.run()
    assert report.outcomes == {"captioned": 1, "failed": 1}
    (row,) = (row for row in rig.table() if row["outcome"] == "failed")
    assert row["reason_code"] == "invalid_image_format"
    assert rig.run().requests == 0
    rig.check()


def test_a_retry_rule_asks_for_a_longer_answer_and_pays_knowingly(rig: Rig) -> None:
    rig.add(*names(3))
    rig.server.faults.add(LineFault(outcome="length", times=1))
    rule = {"attempts": 2, "raise_max_completion_tokens": 200}
    report = rig.run(retry__length=rule)
    assert report.outcomes == {"captioned": 3}
    attempts = sorted(row["attempts"] for row in rig.table())
    assert attempts == [1, 1, 2]
    with rig.ledger() as ledger:
        assert ledger.reservations.totals().charged == rig.server.bill.total_nano()


def test_a_retry_rule_falls_back_to_another_model(rig: Rig) -> None:
    rig.add(*names(3))
    rig.server.faults.add(LineFault(outcome="refusal", times=1))
    report = rig.run(retry__refused={"attempts": 2, "model": "gpt-5.4-mini"})
    assert report.outcomes == {"captioned": 3}
    models = sorted(row.model for row in rig.server.bill.rows())
    assert models == ["gpt-5.4-mini", "gpt-6-luna", "gpt-6-luna", "gpt-6-luna"]
    with rig.ledger() as ledger:
        assert ledger.reservations.totals().charged == rig.server.bill.total_nano()


def test_odd_captions_are_kept_verbatim(rig: Rig) -> None:
    rig.add(*names(4))
    for outcome in ("line_separators", "control_characters", "surrogate", "huge"):
        rig.server.faults.add(LineFault(outcome=outcome, times=1))  # type: ignore[arg-type]
    outcomes = rig.run(prompt__max_completion_tokens=100_000).outcomes
    assert outcomes["captioned"] + outcomes["length"] == 4
    captions = [row["caption"] for row in rig.table()]
    assert any("\u2028" in text for text in captions)
    assert any(len(text) >= 300_000 for text in captions)
    rig.check()


def test_the_last_few_are_asked_online_at_the_flex_tier(rig: Rig) -> None:
    rig.add(*names(20))
    rig.server.faults.add(BatchFault(expire_at_fraction=0.9, times=1))
    report = rig.run(online__flex_last=5)
    assert report.outcomes == {"captioned": 20}
    assert rig.posts() == 1  # no second batch for two images
    assert rig.posts("/v1/chat/completions") == 2
    rig.check()


def test_more_than_a_few_go_in_another_batch(rig: Rig) -> None:
    rig.add(*names(20))
    rig.server.faults.add(BatchFault(expire_at_fraction=0.5, times=1))
    assert rig.run(online__flex_last=5).outcomes == {"captioned": 20}
    assert (rig.posts(), rig.posts("/v1/chat/completions")) == (2, 0)
    rig.check()
