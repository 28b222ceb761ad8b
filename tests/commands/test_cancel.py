"""The command cancel."""

from pipeline.commands.cancel import cancel
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
