"""The command cancel."""

from pipeline.commands.cancel import cancel, cancel_files
from pipeline.commands.write import write
from pipeline.server.faults import RequestFault
from tests.killing import killed_at
from tests.rig import Rig


def test_cancelling_gives_back_what_was_not_sent(slow_rig: Rig) -> None:
    rig = slow_rig
    rig.add(*(f"{n}.png" for n in range(4)))
    refusal = RequestFault(action="status", method="POST", path="/v1/batches", status=429)
    rig.server.faults.add(refusal)
    rig.run(wait=False)
    rig.server.faults.clear()
    with rig.ledger() as ledger:
        assert len(ledger.shards.in_states("UPLOADED")) == 1
        assert ledger.reservations.totals().reserved > 0
    assert cancel(rig.config(), rig.said.append) == 0
    with rig.ledger() as ledger:
        assert ledger.shards.in_states("UPLOADED") == []
        assert ledger.reservations.totals().reserved == 0
    rig.run(wait=False)
    rig.pass_time(4000)
    assert rig.run(wait=False).outcomes == {"captioned": 4}
    rig.check()


def test_a_cancel_call_that_failed_is_said_and_not_taken_for_made(slow_rig: Rig) -> None:
    rig = slow_rig
    rig.add("a.png")
    rig.run(wait=False)
    refusal = RequestFault(action="status", method="POST", path="/v1/batches/*", status=400)
    rig.server.faults.add(refusal)
    assert cancel(rig.config(), rig.said.append) == 0
    assert any("is not cancelled" in text for text in rig.said)
    with rig.ledger() as ledger:
        (batch,) = ledger.batches.in_states("open")
        assert batch.cancel_asked_at is None
    rig.server.faults.clear()
    assert cancel(rig.config(), rig.said.append) == 1


def test_a_batch_that_nobody_recorded_is_cancelled_too(slow_rig: Rig) -> None:
    rig = slow_rig
    rig.add("a.png")
    with killed_at("submit.after_create"):
        rig.run(wait=False)
    assert cancel(rig.config(), rig.said.append) == 1
    assert rig.posts() == 1


def test_one_batch_that_cannot_be_cancelled_stops_none_of_the_others(slow_rig: Rig) -> None:
    rig = slow_rig
    rig.add("a.png", "b.png", "c.png")
    rig.run(wait=False, batch__max_requests=1)
    with rig.ledger() as ledger:
        first, *others = ledger.batches.in_states("open")
    path = f"/v1/batches/{first.batch_id}/cancel"
    refusal = RequestFault(action="status", method="POST", path=path, status=400)
    rig.server.faults.add(refusal)
    assert cancel(rig.config(), rig.said.append) == 2
    assert [text for text in rig.said if text.startswith(f"batch {first.batch_id} is not")]
    with rig.ledger() as ledger:
        asked = [batch.cancel_asked_at is not None for batch in ledger.batches.in_states("open")]
    assert asked == [False, True, True]
    assert len(others) == 2


def test_requests_that_are_out_in_files_are_taken_back(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    write(rig.config(), rig.data, rig.data.parent / "out", say=rig.said.append)
    assert cancel_files(rig.config(), rig.said.append) == 2
    assert cancel_files(rig.config(), rig.said.append) == 0
    with rig.ledger() as ledger:
        assert ledger.reservations.totals().reserved == 0
    assert rig.run().outcomes == {"captioned": 2}
    rig.check()
