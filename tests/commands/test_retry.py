"""The command retry."""

import pytest

from pipeline.commands.retry import retry
from pipeline.errors import UsageError
from pipeline.server.faults import LineFault
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
