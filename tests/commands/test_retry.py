"""The command retry."""

import pytest

from pipeline.commands.retry import retry
from pipeline.core.pricing import format_usd
from pipeline.errors import UsageError
from pipeline.server.faults import LineFault
from pipeline.stages.table_facts import STALE
from tests.rig import Rig


def test_a_retry_by_hand_is_a_new_payment_of_that_image_only(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    rig.server.faults.add(LineFault(outcome="refusal", times=1))
    assert rig.run().outcomes == {"captioned": 1, "refused": 1}
    assert retry(rig.config(), ["refused", "refused"], rig.said.append) == 1
    report = rig.run()
    assert (report.requests, report.outcomes) == (1, {"captioned": 2})
    with rig.ledger() as ledger:
        assert ledger.reservations.totals().charged == rig.server.bill.total_nano()


@pytest.mark.parametrize("outcomes", [[], ["captioned"], ["length", "nonsense"]])
def test_what_cannot_be_retried_is_said(rig: Rig, outcomes: list[str]) -> None:
    with pytest.raises(UsageError, match=r"choose among refused, filtered, length, .*, stale$"):
        retry(rig.config(), outcomes, rig.said.append)


def test_what_a_retry_may_cost_is_said_where_something_goes_again(rig: Rig) -> None:
    rig.add("a.png")
    rig.server.faults.add(LineFault(outcome="refusal", times=1))
    rig.run()
    with rig.ledger() as ledger:
        (shard,) = ledger.shards.in_states("SETTLED")
    rig.said.clear()
    assert retry(rig.config(), ["length"], rig.said.append) == 0
    assert rig.said == []
    assert retry(rig.config(), ["refused"], rig.said.append) == 1
    (sentence,) = rig.said
    assert f"at most {format_usd(shard.max_cost or 0)} for them" in sentence
    with rig.ledger() as ledger:
        assert ledger.get(STALE) == "1", "the table shows it as pending"
