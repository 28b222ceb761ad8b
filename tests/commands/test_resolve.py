"""The command resolve."""

from typing import Any, cast

import pytest

from pipeline.commands.resolve import _reconcile_doubts, resolve
from pipeline.commands.status import status
from pipeline.core.judgements import Judgement
from pipeline.core.lifecycle import FROZEN, TWIN
from pipeline.errors import CaptionmillError, NeedsPerson, ServiceError
from pipeline.ledger import Ledger
from pipeline.review.edits import Edits
from pipeline.server.faults import BatchFault, RequestFault
from pipeline.stages.table_facts import STALE
from tests.killing import killed_at
from tests.review.test_entry_checksums import damage
from tests.rig import Rig


def test_a_person_thaws_what_a_dear_line_froze(rig: Rig) -> None:
    rig.add("a.png")
    rig.run()
    assert resolve(rig.config(), "unfreeze", rig.said.append) == ["there was nothing to resolve"]
    with rig.workspace.lock(), Ledger(rig.workspace.ledger) as ledger:
        ledger.put(FROZEN, "a line cost more than was reserved")
    rig.add("b.png", first=7)
    assert rig.run().exit_code == 5
    assert status(rig.config()).frozen
    assert resolve(rig.config(), "unfreeze", rig.said.append) == ["submission is possible again"]
    assert rig.run().exit_code == 0


def test_incidents_are_put_away_once_they_are_known(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    rig.server.faults.add(BatchFault(alien=1))
    rig.run()
    assert status(rig.config()).incidents
    assert resolve(rig.config(), "seen", rig.said.append) == ["1 incident put away"]
    assert status(rig.config()).incidents == []


def test_a_batch_that_has_come_back_is_collected_and_not_written_off(rig: Rig) -> None:
    rig.add("a.png")
    gone = RequestFault(action="status", method="GET", path="/v1/batches/*", status=404)
    rig.server.faults.add(gone)
    assert rig.run().exit_code == 5
    rig.server.faults.clear()
    assert resolve(rig.config(), "write-off", rig.said.append) == ["there was nothing to resolve"]
    assert (rig.run().outcomes, rig.posts()) == ({"captioned": 1}, 1)
    rig.check()


@pytest.mark.parametrize(("status", "failure"), [(500, ServiceError), (401, NeedsPerson)])
def test_nothing_is_written_off_without_a_last_look(
    rig: Rig, status: int, failure: type[CaptionmillError]
) -> None:
    rig.add("a.png")
    gone = RequestFault(action="status", method="GET", path="/v1/batches/*", status=404)
    rig.server.faults.add(gone)
    assert rig.run().exit_code == 5
    rig.server.faults.clear()
    rig.server.faults.add(gone.model_copy(update={"status": status}))
    with pytest.raises(failure):
        resolve(rig.config(), "write-off", rig.said.append)
    rig.server.faults.clear()
    assert (rig.run().outcomes, rig.posts()) == ({"captioned": 1}, 1)
    rig.check()


def test_a_batch_that_is_in_the_list_is_not_created_again(rig: Rig) -> None:
    rig.add("a.png")
    with killed_at("submit.after_create"):
        rig.run()
    done = resolve(rig.config(), "create-again", rig.said.append)
    assert done == ["there was nothing to resolve"]
    assert (rig.run().outcomes, rig.posts()) == ({"captioned": 1}, 1)
    rig.check()


class Doubts:
    """Shards of a ledger, so many of which are in doubt."""

    def __init__(self, count: int) -> None:
        self.count, self.shards = count, self

    def in_states(self, *_states: str) -> range:
        return range(self.count)


def reconciled(doubts: int, error: CaptionmillError) -> int:
    """Calls of the service's list."""
    calls = 0

    def reconcile() -> None:
        nonlocal calls
        calls += 1
        raise error

    _reconcile_doubts(cast(Any, Doubts(doubts)), reconcile)
    return calls


def test_a_decision_about_create_calls_waits_for_a_list_that_is_not_there() -> None:
    with pytest.raises(ServiceError):
        reconciled(1, ServiceError("no answer"))
    assert reconciled(1, NeedsPerson("a person decides")) == 1
    assert reconciled(0, ServiceError("no answer")) == 0


def test_a_new_identity_ends_the_doubt_about_a_twin(rig: Rig) -> None:
    rig.add("a.png")
    rig.run()
    with rig.workspace.lock(), Ledger(rig.workspace.ledger) as ledger:
        ledger.put(TWIN, "another copy is at work")
    assert rig.run().exit_code == 5
    (done,) = resolve(rig.config(), "new-identity", rig.said.append)
    assert done.startswith("this copy is a workspace of its own")
    assert rig.run().exit_code == 0


def test_a_lost_create_call_is_made_again_as_a_person_decided(rig: Rig) -> None:
    rig.add("a.png")
    with killed_at("submit.before_create"):
        rig.run()
    patient = rig.config(batch__grace_seconds=3600)
    (done,) = resolve(patient, "create-again", rig.said.append)
    assert done.endswith("is created again by the next run")
    with rig.ledger() as ledger:
        (shard,) = ledger.shards.in_states("SEALED")
        assert (shard.generation, shard.not_before) == (2, 0)
        assert ledger.reservations.totals().reserved == 0
    assert (rig.run().outcomes, rig.posts()) == ({"captioned": 1}, 1)
    rig.check()


def test_what_is_gone_is_written_off_and_what_is_under_way_is_not(slow_rig: Rig) -> None:
    rig = slow_rig
    rig.add("a.png", "b.png")
    rig.run(wait=False, batch__max_requests=1)
    with rig.ledger() as ledger:
        gone, _ = ledger.batches.in_states("open")
        max_cost = ledger.shards.get(gone.shard).max_cost
    rig.server.faults.add(
        RequestFault(action="status", method="GET", path=f"/v1/batches/{gone.batch_id}", status=404)
    )
    (done,) = resolve(rig.config(), "write-off", rig.said.append)
    assert done.startswith(f"batch {gone.batch_id} is written off: 1 request without an answer")
    with rig.ledger() as ledger:
        assert len(ledger.batches.in_states("open")) == 1
        assert ledger.reservations.totals().charged == max_cost
    rig.pass_time(4000)
    assert rig.run().outcomes == {"captioned": 1, "missing": 1}
    assert rig.posts() == 2


def test_a_batch_whose_answers_are_all_here_is_ended_without_a_loss(slow_rig: Rig) -> None:
    rig = slow_rig
    rig.add("a.png")
    rig.run(wait=False)
    rig.pass_time(4000)
    with rig.ledger() as ledger:
        (batch,) = ledger.batches.in_states("open")
    with killed_at("collect.before_settle"):
        rig.run()
    gone = RequestFault(action="status", method="GET", path="/v1/batches/*", status=404)
    rig.server.faults.add(gone)
    with rig.workspace.lock(), Ledger(rig.workspace.ledger) as ledger:
        ledger.batches.move(batch.row, "open")
        shard = ledger.shards.get(batch.shard)
        ledger.shards.move(shard, "SUBMITTED")
    (done,) = resolve(rig.config(), "write-off", rig.said.append)
    assert done == f"batch {batch.batch_id} is ended: each of its requests has an answer"
    rig.server.faults.clear()
    assert rig.run().outcomes == {"captioned": 1}
    rig.check()


def test_a_twin_that_is_stopped_leaves_this_copy_free(rig: Rig) -> None:
    rig.add("a.png")
    rig.run()
    with rig.workspace.lock(), Ledger(rig.workspace.ledger) as ledger:
        ledger.put(TWIN, "another copy is at work")
    (done,) = resolve(rig.config(), "twin", rig.said.append)
    assert f"copy those files into {rig.workspace.raw} before the next run" in done
    assert resolve(rig.config(), "twin", rig.said.append) == ["there was nothing to resolve"]
    assert rig.run().exit_code == 0


def test_a_new_identity_names_both_and_is_remembered(rig: Rig) -> None:
    rig.add("a.png")
    rig.run()
    former = rig.workspace.known_id()
    (done,) = resolve(rig.config(), "new-identity", rig.said.append)
    known = rig.workspace.known_id()
    assert known != former
    assert f"a workspace of its own, {known}: " in done
    assert f"what the other copy, {former}, buys" in done
    assert rig.workspace.former_ids() == {former}


def test_a_decision_that_changed_is_taken_as_it_is_and_exported_anew(rig: Rig) -> None:
    rig.add("a.png")
    rig.run()
    assert resolve(rig.config(), "review", rig.said.append) == ["there was nothing to resolve"]
    source_id = bytes.fromhex(rig.table()[0]["source_id"])
    with Edits(rig.workspace.reviews) as edits:
        edits.append([Judgement(source_id, {}, "edit", "x", "x", "mine")], at=1, label="x")
    damage(rig.workspace.reviews, "UPDATE judgements SET caption = 'theirs'")
    (done,) = resolve(rig.config(), "review", rig.said.append)
    assert done.startswith(f"1 entry of {rig.workspace.reviews} taken as they are now")
    with rig.ledger() as ledger:
        assert ledger.get(STALE) == "1"
    rig.run()
    assert rig.table()[0]["caption"] == "theirs"
