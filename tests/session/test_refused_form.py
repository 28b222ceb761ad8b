from __future__ import annotations

from pipeline.commands.retry import retry
from pipeline.core.refusal_streak import MOST_ALIKE
from pipeline.errors import NeedsPerson
from pipeline.server.faults import LineFault
from pipeline.session.report import Report
from tests.rig import Rig

ANSWERS = "/v1/chat/completions"


def refuse_all(rig: Rig) -> None:
    rig.server.faults.add(
        LineFault(outcome="status", status=400, code="unknown_parameter", message="No top_k.")
    )


def add(rig: Rig, count: int, first: int = 0) -> None:
    rig.add(*(f"{n:03}.png" for n in range(first, first + count)), first=first)


def posts(rig: Rig) -> int:
    return rig.posts("/v1/batches") + rig.posts(ANSWERS)


def refusal(report: Report) -> str:
    assert isinstance(report.error, NeedsPerson)
    assert report.exit_code == 5
    return str(report.error)


def test_what_was_refused_as_it_stands_is_not_sent_again_by_itself(rig: Rig) -> None:
    refuse_all(rig)
    add(rig, MOST_ALIKE)
    rig.run()
    add(rig, 2, first=500)
    before = posts(rig)
    text = refusal(rig.run())
    assert text.startswith(f"{MOST_ALIKE} requests of this form were refused alike before")
    assert "No top_k" in text
    assert posts(rig) == before
    rig.server.faults.clear()
    refusal(rig.run())  # nobody said that the cause is mended
    assert posts(rig) == before
    retry(rig.config(), ["failed"], rig.said.append)
    assert rig.run().exit_code == 0
    assert rig.outcomes() == {"captioned": MOST_ALIKE + 2}
    rig.check()


def test_another_request_goes_by_itself(rig: Rig) -> None:
    refuse_all(rig)
    add(rig, MOST_ALIKE)
    rig.run()
    rig.server.faults.clear()
    assert rig.run(prompt__temperature=0.5).exit_code == 0
    assert rig.outcomes() == {"captioned": MOST_ALIKE}


def test_fewer_are_no_proof_and_nothing_left_to_send_is_no_error(rig: Rig) -> None:
    refuse_all(rig)
    add(rig, MOST_ALIKE - 1)
    rig.run()
    assert rig.run().exit_code == 0  # all were sent
    rig.server.faults.clear()
    add(rig, 1, first=500)
    assert rig.run().exit_code == 0
    assert rig.outcomes() == {"failed": MOST_ALIKE - 1, "captioned": 1}


def test_online_it_is_the_same(rig: Rig) -> None:
    refuse_all(rig)
    add(rig, MOST_ALIKE + 5)
    online = {"provider__name": "openai_online", "online__in_flight": 2}
    refusal(rig.run(**online))
    before = posts(rig)
    assert "refused alike before" in refusal(rig.run(**online))
    assert posts(rig) == before
