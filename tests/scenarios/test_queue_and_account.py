"""Limits of the queue and of the account: nothing fails for good, nothing is sent in vain."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.ledger.queue import Queue
from pipeline.server.faults import BatchFault, RequestFault
from pipeline.server.settings import AccountLimits, BatchDurations
from pipeline.system.signals import Stopper
from tests.rig import MODEL, Rig, open_rig


def names(count: int) -> tuple[str, ...]:
    return tuple(f"{n:03}.png" for n in range(count))


def test_twenty_shards_in_a_small_queue_finish_once_the_limit_is_learned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known_after: list[int] = []
    learn = Queue.learn_limit

    def learn_limit(queue: Queue, model: str, limit: int) -> None:
        learn(queue, model, limit)
        known_after.append(queue._db.number("SELECT MAX(id) FROM batches"))

    monkeypatch.setattr(Queue, "learn_limit", learn_limit)
    limits = AccountLimits(enqueued_tokens={MODEL: 2_000})
    hour = BatchDurations(run=3600)
    with open_rig(tmp_path, monkeypatch, limits=limits, durations=hour) as rig:
        # nothing runs before the product waits, so that the queue fills on any machine
        monkeypatch.setattr(Stopper, "sleep", lambda _stopper, _seconds: rig.pass_time(4_000))
        rig.add(*names(100))
        report = rig.run(
            batch__max_requests=5, batch__backoff_minutes=[0], batch__enqueued_token_limit=10**9
        )
        assert report.outcomes == {"captioned": 100}
        with rig.ledger() as ledger:
            assert ledger.queue.limit(MODEL) == 2_000
            last = ledger.database.number("SELECT MAX(id) FROM batches WHERE status = 'failed'")
        assert last <= known_after[0]  # only what went out before the limit was known
        assert len(rig.server.bill.rows()) == 100
        rig.check()


def test_a_full_queue_costs_no_attempt_and_backs_off(slow_rig: Rig) -> None:
    rig = slow_rig
    rig.add(*names(3))
    rig.server.faults.add(BatchFault(fail="token_limit_exceeded", times=1))
    rig.run(wait=False)
    rig.pass_time(5)
    report = rig.run(wait=False)
    assert report.waiting == {"backoff": 1}
    assert report.exit_code == 3
    assert rig.posts() == 1
    with rig.ledger() as ledger:
        (shard,) = ledger.shards.in_states("SEALED")
        assert (shard.refusals, shard.generation) == (1, 2)
        assert shard.not_before > 0
        assert ledger.reservations.totals().reserved == 0


def test_credits_that_run_out_in_the_middle_and_come_back_next_day(slow_rig: Rig) -> None:
    rig = slow_rig
    rig.add(*names(6))
    broke = RequestFault(
        action="status",
        method="POST",
        path="/v1/batches",
        nth=(2, 3),
        status=429,
        code="insufficient_quota",
        message="You exceeded your current quota, please check your plan and billing details.",
    )
    rig.server.faults.add(broke)
    report = rig.run(wait=False, batch__max_requests=2)
    assert report.exit_code == 5
    assert any("quota" in text or "credit" in text for text in report.problems)
    assert report.batches == 1
    rig.server.faults.clear()
    rig.pass_time(90_000)
    rig.run(wait=False, batch__max_requests=2)
    rig.pass_time(4_000)
    assert rig.run(batch__max_requests=2).outcomes == {"captioned": 6}
    rig.check()


def test_an_upload_that_is_not_visible_yet_is_waited_for(rig: Rig) -> None:
    rig.add(*names(2))
    rig.server.faults.add(
        RequestFault(
            action="status",
            method="POST",
            path="/v1/batches",
            status=400,
            message="Cannot find file file-x.",
            times=1,
        )
    )
    assert rig.run().outcomes == {"captioned": 2}
    rig.check()


def test_a_wrong_key_is_said_and_nothing_is_sent(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.add(*names(1))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong-0123456789")
    report = rig.run()
    assert report.exit_code == 5
    assert "sk-wrong" not in "".join(report.problems)
    assert rig.server.bill.rows() == []


def test_a_failed_listing_means_no_submission_but_results_are_fetched(slow_rig: Rig) -> None:
    rig = slow_rig
    rig.add(*names(2))
    rig.run(wait=False)
    rig.add("new.png", first=50)
    rig.pass_time(4_000)
    rig.server.faults.add(
        RequestFault(action="status", method="GET", path="/v1/batches", status=500)
    )
    report = rig.run(wait=False)
    assert report.exit_code == 9
    assert report.outcomes == {"captioned": 2, "pending": 1}
    assert rig.posts() == 1
    rig.server.faults.clear()
    rig.run(wait=False)
    rig.pass_time(4_000)
    assert rig.run().outcomes == {"captioned": 3}
    rig.check()


def test_a_night_of_all_faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_rig(tmp_path, monkeypatch, durations=BatchDurations(run=0.1)) as rig:
        rig.add(*names(60))
        for rule in (
            RequestFault(action="drop_after", method="POST", path="/v1/batches", nth=2),
            RequestFault(action="drop_before", method="POST", path="/v1/batches", nth=4),
            RequestFault(action="status", method="POST", path="/v1/batches", nth=6, status=500,
                         after_effect=True),
            RequestFault(action="drop_after", method="POST", path="/v1/files", nth=3),
            RequestFault(action="malformed_json", method="GET", path="/v1/batches/*",
                         probability=0.1),
            RequestFault(action="truncate_silently", method="GET", path="*/content",
                         probability=0.3, times=5),
            RequestFault(action="reset", method="GET", path="*", probability=0.05, times=10),
            BatchFault(expire_at_fraction=0.5, nth=3),
            BatchFault(fail="token_limit_exceeded", nth=5),
            BatchFault(empty_ids=True),
        ):  # fmt: skip
            rig.server.faults.add(rule)
        for _ in range(8):
            report = rig.run(batch__max_requests=7, batch__backoff_minutes=[0])
            if report.exit_code == 0:
                break
        assert report.outcomes == {"captioned": 60}
        assert len(rig.server.bill.rows()) == 60
        rig.check()


@pytest.mark.parametrize("spelling", ["upper_case_status", "iso_timestamps", "no_request_counts",
                                      "uuid_ids", "body_as_string"])  # fmt: skip
def test_compatible_services(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spelling: str
) -> None:
    from pipeline.server.faults import Compat, FaultPlan

    plan = FaultPlan(compat=Compat(**{spelling: True}))
    with open_rig(tmp_path, monkeypatch, faults=plan) as rig:
        rig.add(*names(3))
        assert rig.run().outcomes == {"captioned": 3}
        rig.check()


@pytest.mark.parametrize("provider", ["openai", "openai_online"])
def test_what_was_not_sent_for_another_prompt_holds_no_money(slow_rig: Rig, provider: str) -> None:
    """Its upload, or its create call, was refused: sealed and uploaded shards with reservations."""
    rig = slow_rig
    rig.add(*names(4))
    rig.server.faults.add(
        RequestFault(action="status", method="POST", path="/v1/batches", status=429)
    )
    rig.run(wait=False, batch__max_requests=2)
    with rig.ledger() as ledger:
        held = ledger.reservations.totals().reserved
        assert held > 0
    rig.server.faults.clear()
    report = rig.run(
        wait=False,
        prompt__user="Another prompt.",
        provider__name=provider,
        batch__max_requests=2,
        budget__lifetime=f"{6 * held / 10**9:.9f}",  # for the four images, not beside the others
    )
    assert report.requests == 4
    with rig.ledger() as ledger:
        assert ledger.shards.in_states("SEALED", "UPLOADING", "UPLOADED") == []
    rig.pass_time(4000)
    final = rig.run(wait=False, prompt__user="Another prompt.")
    assert final.outcomes == {"captioned": 4}
    rig.check()
