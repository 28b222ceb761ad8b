from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from pipeline.core.batch_results import FEWEST_INSPECTIONS
from pipeline.core.lifecycle import FROZEN, Patience
from pipeline.core.packing import ShardLimits
from pipeline.errors import (
    CostAnomaly,
    Interrupted,
    NeedsPerson,
    OverBudget,
    ServiceError,
    StorageError,
)
from pipeline.ledger.batches import Batch
from pipeline.providers.openai_batch import OpenAIBatches
from pipeline.server.faults import BatchFault, RequestFault
from pipeline.stages import collect
from pipeline.stages.collect import collect_batches, raw_path, settle_from_files
from pipeline.stages.inspection import is_left_open
from pipeline.stages.mirroring import NoMirror
from pipeline.stages.settle import write_off
from pipeline.stages.submit import submit_shards
from pipeline.stages.values import RunTotals
from tests.killing import killed_at
from tests.ledger.world import remote
from tests.rig import MODEL
from tests.stages.scene import Scene, sent

ONE = ShardLimits(requests=1)


def gets(scene: Scene) -> int:
    return len(scene.server.bill.requests("GET"))


def fault(scene: Scene, **values: object) -> None:
    rule = {"method": "GET", "times": 1} | values
    scene.server.faults.add(RequestFault(**rule))  # type: ignore[arg-type]


def test_answers_are_here_booked_and_kept_as_they_came(scene: Scene) -> None:
    (batch,) = sent(scene, 3)
    found = collect_batches(scene.context)
    assert (found.settled_batches, found.open, found.error) == (1, 0, None)
    assert found.answers == {"captioned": 3}
    assert found.billed == scene.server.bill.total_nano()
    totals = scene.ledger.reservations.totals()
    assert (totals.charged, totals.reserved) == (scene.server.bill.total_nano(), 0)
    kept = gzip.decompress(raw_path(scene.context, batch, "output").read_bytes())
    assert kept.count(b"\n") == 3
    assert scene.states() == ["SETTLED"]


def test_what_is_settled_is_not_asked_for_again(scene: Scene) -> None:
    sent(scene)
    collect_batches(scene.context)
    before = gets(scene)
    assert collect_batches(scene.context) == RunTotals()
    assert gets(scene) == before


def test_what_is_under_way_is_counted(scene: Scene) -> None:
    scene.server.faults.add(BatchFault(finalizing_seconds=3600))
    scene.add("a.png")
    task = scene.task()
    scene.write(task)
    submit_shards(scene.context, task.spec)
    assert collect_batches(scene.context).open == 1
    assert scene.states() == ["SUBMITTED"]


def test_young_batches_alone_can_be_asked_for(scene: Scene) -> None:
    scene.server.faults.add(BatchFault(finalizing_seconds=3600))
    scene.add("a.png")
    task = scene.task()
    scene.write(task)
    submit_shards(scene.context, task.spec)
    while scene.ledger.batches.in_states("open")[0].status == "validating":
        collect_batches(scene.context, young_only=True)
    before = gets(scene)
    assert collect_batches(scene.context, young_only=True).open == 1
    assert gets(scene) == before


def test_one_batchs_trouble_does_not_stop_the_others(scene: Scene) -> None:
    first, second = sent(scene, 2, ONE)
    scene.server.faults.add(
        RequestFault(action="status", path=f"/v1/batches/{first.batch_id}", status=400)
    )
    found = collect_batches(scene.context)
    assert (found.settled_batches, found.open) == (1, 1)
    assert isinstance(found.error, ServiceError)
    assert scene.states() == ["SUBMITTED", "SETTLED"]
    assert second.batch_id not in "".join(found.problems)


@pytest.mark.parametrize("how", ["truncate", "truncate_silently", "reset"])
def test_a_download_that_breaks_leaves_nothing_behind_and_is_made_again(
    scene: Scene, how: str
) -> None:
    sent(scene, 3)
    fault(scene, action=how, path="/v1/files/*/content", times=9)
    found = collect_batches(scene.context)
    assert isinstance(found.error, ServiceError)
    assert (found.settled_batches, found.open) == (0, 1)
    assert list(scene.workspace.raw.iterdir()) == []
    scene.server.faults.clear()
    assert collect_batches(scene.context).answers == {"captioned": 3}


def test_a_service_that_says_a_wrong_size_loses_no_captions(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent(scene, 3)
    monkeypatch.setattr(OpenAIBatches, "_size", lambda _service, _file: 1_000_000)
    collected = collect_batches(scene.context)
    assert (collected.answers, collected.error) == ({"captioned": 3}, None)
    assert scene.ledger.reservations.totals().reserved == 0


def test_a_file_that_ends_after_a_whole_line_is_fetched_again(scene: Scene) -> None:
    sent(scene, 3)
    scene.rules(patience=Patience(grace=0))
    fault(scene, action="cut_lines", path="/v1/files/*/content", keep=0.4, times=9)
    for looks in range(FEWEST_INSPECTIONS):
        collected = collect_batches(scene.context)
        assert isinstance(collected.error, NeedsPerson) == (looks == FEWEST_INSPECTIONS - 1)
    assert collected.answers["captioned"] in (1, 2)
    (text,) = [text for _, kind, text in scene.ledger.incidents() if kind == "vanished"]
    assert "bytes came" in text
    scene.server.faults.clear()
    collect_batches(scene.context)
    totals = scene.ledger.reservations.totals()
    assert (totals.charged, totals.reserved) == (scene.server.bill.total_nano(), 0)


def test_a_batch_that_is_gone_keeps_its_money_and_needs_a_person(scene: Scene) -> None:
    (batch,) = sent(scene)
    shard = scene.ledger.shards.get(batch.shard)
    gone = {"action": "status", "status": 404, "times": None}
    fault(scene, path=f"/v1/batches/{batch.batch_id}", **gone)
    for _ in range(2):
        found = collect_batches(scene.context)
        assert isinstance(found.error, NeedsPerson)
        assert found.blocking is None  # the others are waited for
        assert (found.open, found.settled_batches) == (0, 0)
    assert scene.ledger.reservations.totals().reserved == shard.max_cost
    (incident,) = scene.ledger.incidents()  # the same one only once
    assert incident[1] == "vanished"
    scene.server.faults.clear()  # it was only hidden
    assert collect_batches(scene.context).answers == {"captioned": 2}


class CallbackMirror(NoMirror):
    """Calls back each time that it is to keep what is new."""

    def __init__(self, keep: Callable[[bool], object]) -> None:
        self._keep = keep

    def keep(self, *, at_once: bool) -> None:
        self._keep(at_once)


def test_answers_and_their_record_are_mirrored_before_they_count_as_here(scene: Scene) -> None:
    sent(scene)
    kept: list[tuple[bool, int, int]] = []

    def keep(at_once: bool) -> None:
        names = [path.name for path in scene.workspace.raw.iterdir()]
        kept.append((at_once, len(names), len(scene.ledger.batches.in_states("open"))))

    scene.rules(mirror=CallbackMirror(keep))
    assert collect_batches(scene.context).settled_batches == 1
    assert kept == [(False, 2, 1)]  # the answers and the record; the batch is still open


def test_a_service_that_asks_for_a_pause_is_asked_about_no_other_batch(scene: Scene) -> None:
    sent(scene, 3, ONE)
    fault(scene, action="status", path="/v1/batches/*", status=429, retry_after=40)
    before = gets(scene)
    totals = collect_batches(scene.context)
    assert (totals.open, totals.settled_batches, gets(scene) - before) == (3, 0, 1)
    assert collect_batches(scene.context).settled_batches == 3


def test_files_settle_no_batch_that_failed_as_a_whole(scene: Scene) -> None:
    (batch,) = sent(scene)
    remote = scene.service.get(batch.batch_id)
    failed = replace(remote, status="failed", output_file_id=None, error_file_id=None)
    totals = RunTotals()
    settle_from_files(scene.context, failed, totals)
    (untouched,) = scene.ledger.batches.in_states("open")
    assert untouched.late_looks == 0  # nothing was read of it, and it is in no doubt
    assert (totals.settled_batches, totals.answers, totals.open) == (0, {}, 0)


def test_a_batch_that_is_lost_can_be_written_off(scene: Scene) -> None:
    (batch,) = sent(scene)
    shard = scene.ledger.shards.get(batch.shard)
    found = write_off(scene.context, batch)
    assert found.answers == {"missing": 2}
    scope = scene.context.scope()
    assert scene.ledger.reservations.exposure(scope).lifetime == shard.max_cost
    assert scene.ledger.rows.outcomes() == {"missing": 2}


def test_a_refusal_that_passes_costs_no_attempt(scene: Scene) -> None:
    scene.server.faults.add(
        BatchFault(
            fail="token_limit_exceeded",
            message=f"Enqueued token limit reached for {MODEL} in organization x. "
            "Limit: 4,000 enqueued tokens.",
            times=1,
        )
    )
    sent(scene)
    found = collect_batches(scene.context)
    assert (found.settled_batches, found.error, found.answers) == (0, None, {})
    assert "it goes again after 5 min" in found.problems[0]
    shard = scene.ledger.shards.in_states("SEALED")[0]
    assert (shard.generation, shard.refusals) == (2, 1)
    assert shard.not_before > scene.clock.now() + 200
    assert scene.ledger.queue.limit(MODEL) == 4000
    assert scene.ledger.reservations.totals().reserved == 0
    attempts = scene.ledger.database.execute("SELECT state, attempts FROM works").fetchall()
    assert attempts == [("live", 1), ("live", 1)]


def test_a_batch_that_is_wrong_fails_for_good_and_says_why(scene: Scene) -> None:
    scene.server.faults.add(BatchFault(fail="invalid_json_line", message="Line 1 is odd."))
    sent(scene)
    found = collect_batches(scene.context)
    assert found.answers == {"failed": 2}
    assert scene.ledger.reservations.totals().charged == 0
    reasons = scene.ledger.database.execute("SELECT DISTINCT reason, code FROM answers").fetchall()
    assert reasons == [("Line 1 is odd.", "invalid_json_line")]


def test_billing_trouble_needs_a_person_and_goes_again(scene: Scene) -> None:
    scene.server.faults.add(BatchFault(fail="billing_hard_limit_reached", times=1))
    sent(scene)
    assert isinstance(collect_batches(scene.context).error, NeedsPerson)
    assert scene.states() == ["SEALED"]


def test_a_line_that_cost_too_much_freezes_all_sending(scene: Scene) -> None:
    (batch,) = sent(scene)
    scene.ledger.database.execute("UPDATE items SET worst = 1")
    found = collect_batches(scene.context)
    assert isinstance(found.error, CostAnomaly)
    assert found.answers == {"captioned": 2}, "what is paid for is kept"
    frozen = scene.ledger.get(FROZEN) or ""
    assert frozen.startswith(f"2 lines of batch {batch.batch_id} cost more than was reserved")
    assert scene.ledger.incidents()[0][1] == "over_reservation"
    assert scene.ledger.reservations.totals().charged == scene.server.bill.total_nano()
    scene.add("new.png", first=9)
    task = scene.task()
    scene.write(task)
    assert isinstance(submit_shards(scene.context, task.spec).error, NeedsPerson)


def test_what_was_downloaded_is_settled_without_asking(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent(scene)

    def full(*_: object) -> None:
        raise StorageError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(scene.ledger.answers, "settle", full)
        with pytest.raises(StorageError):
            collect_batches(scene.context)
    assert scene.states() == ["DOWNLOADED"]
    assert scene.ledger.audit.sums()[1] == 0
    before = gets(scene)
    assert collect_batches(scene.context).answers == {"captioned": 2}
    assert gets(scene) == before


def test_a_batch_stuck_past_its_end_is_cancelled_once(scene: Scene) -> None:
    scene.server.faults.add(BatchFault(finalizing_seconds=10**7))
    scene.add("a.png")
    task = scene.task()
    scene.write(task)
    submit_shards(scene.context, task.spec)
    scene.clock.offset = 29 * 3600  # expired, but not for long enough
    collect_batches(scene.context)
    assert scene.server.bill.requests("POST", "/v1/batches/") == []
    scene.clock.offset = 31 * 3600
    collect_batches(scene.context)
    collect_batches(scene.context)
    assert len(scene.server.bill.requests("POST", "/v1/batches/")) == 1


def test_a_stop_comes_between_two_batches(scene: Scene) -> None:
    sent(scene, 2, ONE)
    calls = iter([False, True])
    scene.rules(stopping=lambda: next(calls))
    with pytest.raises(Interrupted):
        collect_batches(scene.context)
    assert scene.states() == ["DOWNLOADED", "SUBMITTED"]


def test_the_gravest_trouble_decides() -> None:
    found = RunTotals()
    for error in (ServiceError("down"), OverBudget("cap"), NeedsPerson("quota")):
        found.fail(error)
    assert isinstance(found.error, NeedsPerson)
    assert found.problems == ["down", "cap", "quota"]


def test_a_cancel_call_that_failed_is_made_again(scene: Scene) -> None:
    """It is recorded only once it was taken: else nobody would ever repeat it."""
    scene.server.faults.add(BatchFault(finalizing_seconds=10**7))
    scene.add("a.png")
    task = scene.task()
    scene.write(task)
    submit_shards(scene.context, task.spec)
    scene.clock.offset = 31 * 3600
    refusal = RequestFault(action="status", method="POST", path="/v1/batches/*", status=400)
    scene.server.faults.add(refusal)
    assert isinstance(collect_batches(scene.context).error, ServiceError)
    (batch,) = scene.ledger.batches.in_states("open")
    assert batch.cancel_asked_at is None
    scene.server.faults.clear()
    assert collect_batches(scene.context).error is None
    (batch,) = scene.ledger.batches.in_states("open")
    assert batch.cancel_asked_at is not None
    assert scene.service.get(batch.batch_id).status in ("cancelling", "cancelled")


def test_a_file_beyond_what_the_requests_explain_is_left_to_a_person(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent(scene)
    scene.rules(patience=Patience(grace=0))
    with monkeypatch.context() as patch:
        patch.setattr(collect, "most_result_bytes", lambda _requests, _tokens: 100)
        for _ in range(FEWEST_INSPECTIONS):
            collected = collect_batches(scene.context)
    assert isinstance(collected.error, NeedsPerson)
    texts = [text for _, kind, text in scene.ledger.incidents() if kind == "vanished"]
    assert "has more than the 100 bytes that the requests can explain" in texts[0]
    assert not list(scene.workspace.raw.glob("*.part"))
    assert scene.ledger.reservations.totals().reserved > 0
    assert collect_batches(scene.context).answers == {"captioned": 2}
    assert scene.ledger.reservations.totals().charged == scene.server.bill.total_nano()


def test_an_end_that_a_rebuild_reads_of_a_batch_that_nobody_knows_is_left_alone(
    scene: Scene,
) -> None:
    totals = RunTotals()
    settle_from_files(scene.context, remote("batch_unknown", status="completed"), totals)
    assert totals == RunTotals()


def test_a_file_that_is_damaged_before_it_is_settled_is_fetched_again_in_the_same_look(
    scene: Scene,
) -> None:
    sent(scene, 1)
    with killed_at("collect.before_settle"):
        collect_batches(scene.context)
    (known,) = scene.ledger.batches.in_states("downloaded")
    raw_path(scene.context, known, "output").write_bytes(b"no gzip")
    assert collect_batches(scene.context).answers == {"captioned": 1}
    assert scene.states() == ["SETTLED"]
    assert scene.ledger.reservations.totals().charged == scene.server.bill.total_nano()


def reach(scene: Scene, batch: Batch, status: str) -> None:
    """Wait until the service says that a batch has this status."""
    while scene.service.get(batch.batch_id).status != status:
        scene.server.service.executor.wake()


def test_a_batch_that_never_ends_and_cannot_be_cancelled_is_left_to_a_person(scene: Scene) -> None:
    """It does not hold the run: nobody waits for it, and what appears later is still taken."""
    scene.server.faults.add(BatchFault(finalizing_seconds=35 * 3600))
    scene.add("a.png")
    task = scene.task()
    scene.write(task)
    submit_shards(scene.context, task.spec)
    (batch,) = scene.ledger.batches.in_states("open")
    reach(scene, batch, "finalizing")  # the service works in a thread of its own
    scene.server.faults.add(
        RequestFault(action="status", method="POST", path="/v1/batches/*", status=409)
    )
    scene.clock.offset = 33 * 3600
    collected = collect_batches(scene.context)
    assert isinstance(collected.error, NeedsPerson)
    assert "'finalizing' at the service, long after it expired" in str(collected.error)
    assert collected.open == 0
    (batch,) = scene.ledger.batches.in_states("open")
    assert is_left_open(scene.context, batch)
    assert scene.ledger.reservations.totals().reserved > 0
    scene.server.service.clock.advance(40 * 3600)
    reach(scene, batch, "completed")
    assert collect_batches(scene.context).answers == {"captioned": 1}
    assert scene.ledger.reservations.totals().reserved == 0
