import pyarrow.parquet as pq
import pytest

from pipeline.errors import UsageError
from pipeline.server.faults import BatchFault, LineFault, RequestFault
from pipeline.stages.desk import FROZEN
from pipeline.tending import (
    cancel,
    clean_up,
    export_charges,
    export_table,
    money_line,
    resolve,
    retry,
    status,
)
from tests.rig import Rig


def test_a_workspace_at_a_glance_while_another_works_in_it(slow_rig: Rig) -> None:
    rig = slow_rig
    rig.add("a.png", "b.png")
    rig.run(wait=False)
    with rig.workspace.lock():
        found = status(rig.config())
    assert (found.images, found.outcomes, found.provider) == (2, {"pending": 2}, "openai:default")
    ((batch, shard),) = found.batches
    assert (batch.status, shard.requests) == ("in_progress", 2)
    assert (found.settled, found.reserved > 0, found.waiting) == (0, True, [])
    assert money_line(found).startswith("$0.00 spent, ")


def test_there_must_be_a_workspace(rig: Rig) -> None:
    for look in (status, lambda config: export_table(config, rig.said.append)):
        with pytest.raises(UsageError, match="no workspace"):
            look(rig.config())
    assert not rig.workspace.root.exists()


def test_the_table_can_be_written_anew(rig: Rig) -> None:
    rig.add("a.png")
    rig.run()
    rig.workspace.table.unlink()
    assert export_table(rig.config(), rig.said.append).rows == 1
    assert len(rig.table()) == 1


def test_a_retry_by_hand_is_a_new_payment_of_that_image_only(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    rig.server.faults.add(LineFault(outcome="refusal", times=1))
    assert rig.run().outcomes == {"captioned": 1, "refused": 1}
    assert retry(rig.config(), ["refused", "refused"], rig.said.append) == 1
    report = rig.run()
    assert (report.requests, report.outcomes) == (1, {"captioned": 2})
    with rig.ledger() as ledger:
        assert ledger.books.totals().settled == rig.server.books.total_nano()


@pytest.mark.parametrize("outcomes", [[], ["captioned"], ["length", "nonsense"]])
def test_what_cannot_be_retried_is_said(rig: Rig, outcomes: list[str]) -> None:
    with pytest.raises(UsageError, match="choose among length"):
        retry(rig.config(), outcomes, rig.said.append)


def test_cancelling_gives_back_what_was_not_sent(slow_rig: Rig) -> None:
    rig = slow_rig
    rig.add(*(f"{n}.png" for n in range(4)))
    refusal = RequestFault(action="status", method="POST", path="/v1/batches", status=429)
    rig.server.faults.add(refusal)
    rig.run(wait=False)
    rig.server.faults.clear()
    with rig.ledger() as ledger:
        assert len(ledger.shards.in_states("UPLOADED")) == 1
        assert ledger.books.totals().reserved > 0
    assert cancel(rig.config(), rig.said.append) == 0
    with rig.ledger() as ledger:
        assert ledger.shards.in_states("UPLOADED") == []
        assert ledger.books.totals().reserved == 0
    rig.run(wait=False)
    rig.server.clock.advance(4000)
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


def test_a_person_thaws_what_a_dear_line_froze(rig: Rig) -> None:
    rig.add("a.png")
    rig.run()
    assert resolve(rig.config(), "unfreeze", rig.said.append) == ["there was nothing to resolve"]
    with rig.workspace.lock():
        from pipeline.ledger import Ledger

        with Ledger(rig.workspace.ledger) as ledger:
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


def test_cleaning_leaves_nothing_at_the_service(rig: Rig) -> None:
    rig.add("a.png")
    rig.run(batch__delete_remote_files=False, batch__keep_shards=True)
    assert list(rig.workspace.shards.iterdir())
    clean_up(rig.config(), rig.said.append)
    assert clean_up(rig.config(), rig.said.append).remote == 0
    rig.check()


def test_every_charge_is_told_also_of_what_no_image_shows_any_more(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    rig.run()
    rig.add("a.png", first=9)  # overwritten with another picture
    rig.run()
    rig.run(prompt__user="Which colour is it?")
    path = rig.data.parent / "charges.parquet"
    written = export_charges(rig.config(), path, rig.said.append)
    rows = pq.read_table(path).to_pylist()
    assert written.rows == len(rows) == 5
    assert sum(row["charged_cost"] for row in rows) * 10**9 == rig.server.books.total_nano()
    assert [row["in_table"] for row in rows].count(True) == len(rig.table()) == 2
    assert {row["path"] for row in rows if row["in_table"]} == {"a.png", "b.png"}
    shown = sum(row["billed_cost"] for row in rig.table())
    assert shown < sum(row["charged_cost"] for row in rows)


def test_the_charges_never_replace_the_captions(rig: Rig) -> None:
    rig.add("a.png")
    rig.run()
    with pytest.raises(UsageError, match="is the table of captions: name another file"):
        export_charges(rig.config(), rig.workspace.table, rig.said.append)
    assert rig.outcomes() == {"captioned": 1}
