from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from pipeline.core.lifecycle import FROZEN, Patience
from pipeline.core.packing import ShardLimits
from pipeline.errors import CostAnomaly, NeedsPerson
from pipeline.ledger.batches import Batch
from pipeline.providers.base import AccountRefusal
from pipeline.server.fault_rules import BatchFault, LineFault, RequestFault
from pipeline.stages.collect import collect_batches, settle_from_files
from pipeline.stages.raw_files import store_compressed
from pipeline.stages.recover import raw_path
from pipeline.stages.settle import settle_batch, write_off
from pipeline.stages.table_facts import STALE
from pipeline.stages.values import RunTotals
from tests.stages import scene as scenes
from tests.stages.scene import Scene

CONTENT = "/v1/files/*/content"
NO_SIZES = RequestFault(action="status", status=404, method="GET", path="/v1/files/file-*[0-9a-f]")


def sent(scene: Scene, count: int = 4, limits: ShardLimits | None = None) -> Sequence[Batch]:
    return scenes.sent(scene, count, limits)


def looks(scene: Scene, count: int = 1, apart: int = 60) -> list[RunTotals]:
    """Looks at the service, with time between them for both sides."""
    totals = []
    for _ in range(count):
        totals.append(collect_batches(scene.context))
        scene.clock.offset += apart
        scene.server.clock.advance(apart)
    return totals


def holds(scene: Scene) -> None:
    """The books stand at the bill or above it, and nothing was billed twice."""
    bill = scene.server.bill
    exposure = scene.ledger.reservations.exposure(scene.context.scope())
    assert exposure.lifetime >= bill.total_nano()
    assert not bill.billed_again()


def exact(scene: Scene) -> None:
    totals = scene.ledger.reservations.totals()
    assert (totals.charged, totals.reserved) == (scene.server.bill.total_nano(), 0)
    assert not scene.server.bill.billed_again()


def outcomes(scene: Scene) -> dict[str, int]:
    return dict(scene.ledger.rows.outcomes())


@pytest.mark.parametrize("late", [61, 119])
def test_file_ids_that_come_late_are_waited_for(scene: Scene, late: int) -> None:
    scene.server.faults.add(BatchFault(files_late_seconds=late))
    sent(scene)
    first, second, third = looks(scene, 3)
    assert (first.open, first.settled_batches, first.error) == (1, 0, None)
    assert (second.open, second.answers) == (1, {})
    assert third.answers == {"captioned": 4}
    assert "its files do not answer 4 of 4 requests" in scene.said[0]
    assert len(scene.said) == 1, "it is said once"
    exact(scene)


@pytest.mark.parametrize("status", ["expired", "cancelled", "completed"])
@pytest.mark.parametrize("fault", ["files", "counts", "both"])
def test_an_end_whose_counts_or_files_are_late_frees_nothing(
    scene: Scene, status: str, fault: str
) -> None:
    """It showed 0 of 0, which counted every line as free, and all were bought again."""
    late = {f"{one}_late_seconds": 90 for one in ("files", "counts") if fault in (one, "both")}
    share = 0.5 if status == "expired" else None
    scene.server.faults.add(BatchFault(expire_at_fraction=share, **late))
    if status == "cancelled":
        scene.server.faults.add(BatchFault())
    sent(scene)
    for totals in looks(scene, 3):
        assert totals.error is None
    assert outcomes(scene)["captioned"] == (2 if status == "expired" else 4)
    exact(scene)


def test_what_the_service_never_shows_is_left_to_a_person_and_to_later_days(
    scene: Scene,
) -> None:
    scene.server.faults.add(BatchFault(files_late_seconds=86_400))
    (batch,) = sent(scene)
    totals = looks(scene, 4)
    assert [one.open for one in totals] == [1, 1, 0, 0]
    assert isinstance(totals[2].error, NeedsPerson)
    assert totals[2].blocking is None, "other batches are waited for"
    assert totals[2].answers == {"missing": 4}
    assert totals[3].answers == {}, "what is booked is not booked again"
    ((_, kind, text),) = scene.ledger.incidents()
    assert kind == "unexplained"
    assert "resolve write-off" in text
    assert outcomes(scene) == {"missing": 4}
    holds(scene)
    scene.server.clock.advance(90_000)
    assert collect_batches(scene.context).answers == {"captioned": 4}
    assert outcomes(scene) == {"captioned": 4}
    assert scene.ledger.batches.by_id(batch.batch_id).state == "settled"  # type: ignore[union-attr]
    exact(scene)


def test_requests_that_are_said_late_to_have_never_run_go_again(scene: Scene) -> None:
    scene.server.faults.add(BatchFault(files_late_seconds=300, expire_at_fraction=0.5))
    sent(scene)
    looks(scene, 4)
    assert outcomes(scene) == {"missing": 4}
    holds(scene)
    *_, last = looks(scene, 3)
    assert (last.error, last.open) == (None, 0)
    assert scene.ledger.rows.outcomes() == {"captioned": 2, "pending": 2}
    exact(scene)


@pytest.mark.parametrize("missing", [1, 3])
def test_answers_are_booked_though_others_are_missing(scene: Scene, missing: int) -> None:
    scene.server.faults.add(BatchFault(missing=missing))
    (batch,) = sent(scene)
    *_, last = looks(scene, 3)
    assert isinstance(last.error, NeedsPerson)
    assert outcomes(scene) == {"captioned": 4 - missing, "missing": missing}
    assert scene.ledger.reservations.totals().charged == 0, "all of it is still reserved"
    holds(scene)
    found = write_off(scene.context, batch)
    assert found.answers == {}
    totals = scene.ledger.reservations.totals()
    assert totals.reserved == 0
    assert totals.charged >= scene.server.bill.total_nano()
    assert scene.states() == ["SETTLED"]
    assert list(scene.ledger.audit.contradictions()) == []


def test_a_line_with_neither_an_answer_nor_an_error_is_not_bought_again(scene: Scene) -> None:
    scene.server.faults.add(LineFault(outcome="silent", times=1))
    (batch,) = sent(scene)
    *_, last = looks(scene, 3)
    assert isinstance(last.error, NeedsPerson)
    assert last.again == 0
    assert outcomes(scene) == {"captioned": 3, "missing": 1}
    holds(scene)
    write_off(scene.context, batch)
    codes = scene.ledger.database.execute("SELECT code FROM answers WHERE outcome = 'missing'")
    assert codes.fetchall() == [("0",)]
    holds(scene)


@pytest.mark.parametrize(
    "page",
    [
        {"action": "page", "status": 200, "text": "<!doctype html><title>Sign in</title>\n"},
        {"action": "page", "status": 200, "text": "", "content_type": "application/json"},
        {"action": "page", "status": 200, "text": '{"detail": "try later"}'},
        {"action": "cut_lines", "keep": 0.6},
        {"action": "cut_lines", "keep": 0.1},
        {"action": "status", "status": 404},
        {"action": "status", "status": 403, "code": "forbidden"},
    ],
)
def test_a_download_that_is_not_the_whole_file_is_made_again(
    scene: Scene, page: dict[str, object]
) -> None:
    scene.server.faults.add(NO_SIZES)
    fault = RequestFault(method="GET", path=CONTENT, nth=(1, 2), **page)  # type: ignore[arg-type]
    scene.server.faults.add(fault)
    sent(scene)
    first, *_, last = looks(scene, 3)
    assert (first.open, first.error) == (1, None)
    assert scene.server.faults.applied(fault) >= 1
    assert last.error is None
    assert outcomes(scene) == {"captioned": 4}
    exact(scene)


def test_our_own_input_named_as_the_output_is_no_answer(scene: Scene) -> None:
    scene.server.faults.add(BatchFault(output_is_input=90))
    sent(scene)
    first, _, third = looks(scene, 3)
    assert (first.open, first.answers) == (1, {})
    assert third.answers == {"captioned": 4}
    exact(scene)


def test_a_file_that_stays_away_is_said_and_taken_when_it_comes(scene: Scene) -> None:
    gone = RequestFault(action="status", status=404, method="GET", path=CONTENT)
    scene.server.faults.add(gone)
    sent(scene)
    *_, last = looks(scene, 3)
    assert isinstance(last.error, NeedsPerson)
    ((_, kind, text),) = scene.ledger.incidents()
    assert (kind, "does not know file" in text) == ("vanished", True)
    (batch,) = scene.ledger.batches.in_states("open")
    assert batch.vanished_at is not None  # what lets a person end it at once
    scene.server.faults.remove(gone)
    assert collect_batches(scene.context).answers == {"captioned": 4}
    exact(scene)


@pytest.mark.parametrize("broken", [b"", b"no gzip", gzip.compress(b"{}")[:-3]])
def test_a_damaged_raw_file_is_put_aside_and_fetched_again(scene: Scene, broken: bytes) -> None:
    (batch,) = sent(scene)
    path = raw_path(scene.context, batch, "output")
    path.write_bytes(broken)
    totals = collect_batches(scene.context)
    assert totals.answers == {"captioned": 4}
    assert path.with_name(f"damaged-{path.name}").read_bytes() == broken
    assert totals.error is None
    assert "put aside" in totals.problems[0]
    exact(scene)


def test_a_raw_file_that_was_removed_is_fetched_again(scene: Scene) -> None:
    (batch,) = sent(scene)
    scene.ledger.batches.move(batch.row, "downloaded")
    scene.ledger.shards.move(scene.ledger.shards.get(batch.shard), "DOWNLOADED")
    assert looks(scene, 2)[1].answers == {"captioned": 4}
    exact(scene)


def test_a_damaged_raw_file_that_nobody_has_is_lost_only_by_a_person(scene: Scene) -> None:
    (batch,) = sent(scene)
    raw_path(scene.context, batch, "output").write_bytes(b"no gzip")
    scene.server.faults.add(RequestFault(action="status", status=404, method="GET", path=CONTENT))
    *_, last = looks(scene, 4)
    assert isinstance(last.error, NeedsPerson)
    assert outcomes(scene) == {"missing": 4}
    holds(scene)
    write_off(scene.context, batch)
    assert outcomes(scene) == {"missing": 4}
    holds(scene)


def test_a_write_off_goes_on_behind_a_damaged_raw_file(scene: Scene) -> None:
    (batch,) = sent(scene)
    raw_path(scene.context, batch, "output").write_bytes(b"no gzip")
    assert write_off(scene.context, batch).answers == {"missing": 4}
    assert scene.ledger.batches.in_states("open", "downloaded") == []
    holds(scene)


def test_answers_make_the_table_stale(scene: Scene) -> None:
    sent(scene)
    scene.ledger.put(STALE, None)
    looks(scene)
    assert scene.ledger.get(STALE) == "1"


def test_a_batch_that_explains_itself_is_final_at_once(scene: Scene) -> None:
    scene.server.faults.add(
        LineFault(outcome="status", status=400, code="invalid_image_format", message="bad")
    )
    sent(scene)
    (totals,) = looks(scene, 1)
    assert totals.answers == {"failed": 4}
    exact(scene)


def test_a_settled_line_above_its_reservation_ends_the_run_with_an_anomaly(scene: Scene) -> None:
    sent(scene, 2)
    scene.ledger.database.execute("UPDATE items SET worst = 1")
    (totals,) = looks(scene)
    assert (totals.settled_batches, totals.answers) == (1, {"captioned": 2})
    assert isinstance(totals.error, CostAnomaly)
    assert totals.blocking is totals.error, "nothing more is sent"
    assert str(totals.error) == scene.ledger.get(FROZEN) != ""
    exact(scene)


def test_a_settled_line_at_its_reservation_freezes_nothing(scene: Scene) -> None:
    sent(scene, 1)
    exactly = scene.server.bill.total_nano()
    scene.ledger.database.execute("UPDATE items SET worst = ?", (exactly,))
    (totals,) = looks(scene)
    assert (totals.error, scene.ledger.get(FROZEN)) == (None, None)
    exact(scene)


def test_a_failure_without_a_reason_is_looked_at_again(scene: Scene) -> None:
    (batch,) = sent(scene)
    scene.ledger.database.execute(
        "UPDATE batches SET status = 'failed', state = 'downloaded', problem = ''"
    )
    scene.ledger.shards.move(scene.ledger.shards.get(batch.shard), "DOWNLOADED")
    seen = scene.ledger.batches.by_id(batch.batch_id)
    assert seen is not None
    totals = RunTotals()
    assert settle_batch(scene.context, seen, totals)
    assert (totals.open, totals.answers) == (1, {})


def test_grace_is_time_that_has_certainly_passed(scene: Scene) -> None:
    """A wall clock that jumps ends no grace."""
    scene.rules(patience=Patience(grace=600))
    scene.server.faults.add(BatchFault(files_late_seconds=86_400))
    sent(scene)
    for _ in range(9):
        assert collect_batches(scene.context).open == 1
    assert outcomes(scene) == {"pending": 4}


def test_files_here_that_do_not_explain_their_batch_settle_nothing(
    scene: Scene, tmp_path: Path
) -> None:
    """A rebuild reads what is here; what that leaves open is asked of the service."""
    (batch,) = sent(scene)
    remote = scene.service.get(batch.batch_id)
    whole = tmp_path / "whole"
    scene.service.download(remote.output_file_id or "", whole)
    cut = tmp_path / "cut"
    cut.write_bytes(b"".join(whole.read_bytes().splitlines(keepends=True)[:2]))
    store_compressed(cut, raw_path(scene.context, batch, "output"))
    totals = RunTotals()
    settle_from_files(scene.context, remote, totals)
    assert (totals.settled_batches, totals.answers) == (0, {})
    assert collect_batches(scene.context).answers == {"captioned": 4}
    raw = gzip.decompress(raw_path(scene.context, batch, "output").read_bytes())
    assert [json.loads(line)["error"] for line in raw.splitlines()] == [None] * 4
    exact(scene)


QUEUE_IS_FULL = BatchFault(fail="token_limit_exceeded", times=1)


def test_a_batch_that_a_full_queue_refused_goes_again_from_the_same_file(scene: Scene) -> None:
    scene.server.faults.add(QUEUE_IS_FULL)
    (batch,) = sent(scene)
    (totals,) = looks(scene)
    assert (totals.error, totals.answers, totals.open) == (None, {}, 0)
    (problem,) = totals.problems
    assert problem.startswith(f"batch {batch.batch_id} was refused (token_limit_exceeded: ")
    assert problem.endswith("; it goes again after 5 min")
    shard = scene.ledger.shards.get(batch.shard)
    assert (shard.state, shard.generation, shard.refusals) == ("SEALED", 2, 1)
    assert shard.problem.startswith("token_limit_exceeded: ")
    assert 230 <= shard.not_before - scene.clock.now() <= 240  # 60 s have passed in this look
    assert scene.ledger.queue.limit(shard.model) == 2_000_000
    assert scene.ledger.reservations.totals().reserved == 0
    assert scene.ledger.batches.in_states("open", "downloaded") == []


def test_a_refusal_of_the_account_waits_for_a_person_and_no_time(scene: Scene) -> None:
    scene.server.faults.add(BatchFault(fail="billing_hard_limit_reached", times=1))
    (batch,) = sent(scene)
    (totals,) = looks(scene)
    assert isinstance(totals.error, AccountRefusal)
    assert totals.error.code == "billing_hard_limit_reached"
    assert "repair billing" in str(totals.error)
    shard = scene.ledger.shards.get(batch.shard)
    assert (shard.state, shard.generation) == ("SEALED", 2)
    assert shard.not_before <= scene.clock.now() - 60
    assert scene.ledger.queue.limit(shard.model) is None


def test_requests_of_a_file_that_is_refused_have_failed_for_good(scene: Scene) -> None:
    scene.server.faults.add(BatchFault(fail="invalid_json_line", message="Line 1 is odd."))
    sent(scene)
    (totals,) = looks(scene)
    assert (totals.answers, totals.settled_batches) == ({"failed": 4}, 1)
    assert scene.states() == ["SETTLED"]
    exact(scene)


def test_the_first_line_above_its_reservation_is_named(scene: Scene) -> None:
    sent(scene, 1)
    scene.ledger.database.execute("UPDATE items SET worst = 1")
    looks(scene)
    (line,) = scene.server.bill.rows()
    assert f"(first: {line.custom_id})" in str(scene.ledger.get(FROZEN))
