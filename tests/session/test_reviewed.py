"""What a run leaves alone or sends again, because of what people decided."""

from __future__ import annotations

from pipeline.core.judgements import Action, Judgement
from pipeline.review.edits import Edits
from pipeline.server.faults import LineFault
from tests.rig import Rig


def check_bill(rig: Rig) -> None:
    """Books equal the bill; that a caption was bought twice is what was asked for."""
    with rig.ledger() as ledger:
        totals = ledger.reservations.totals()
    assert (totals.charged, totals.reserved) == (rig.server.bill.total_nano(), 0)


def judge(rig: Rig, row: dict[str, object], action: Action) -> None:
    source_id, key = (bytes.fromhex(str(row[name])) for name in ("source_id", "work_key"))
    text = str(row["caption"])
    with Edits(rig.workspace.reviews) as edits:
        judgement = Judgement(source_id, {}, action, text, text, text, None, key, 1)
        edits.append([judgement], at=1, label=action)


def test_a_wish_is_said_quoted_and_sent_once(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    rig.run()
    judge(rig, rig.table()[0], "again")
    assert rig.run().requests == 1
    assert "1 image goes again, as the review asks" in rig.said
    assert rig.run().requests == 0
    check_bill(rig)


def test_a_wish_that_was_not_run_goes_once_more_and_the_caption_stays(rig: Rig) -> None:
    rig.add("a.png")
    rig.run()
    before = rig.table()[0]["model_caption"]
    judge(rig, rig.table()[0], "again")
    rig.server.faults.add(LineFault(outcome="server_error", times=1))
    report = rig.run()
    assert report.outcomes == {"captioned": 1}
    assert report.requests == 2
    assert rig.table()[0]["model_caption"] == before
    check_bill(rig)


def test_a_wish_under_another_prompt_is_an_ordinary_request(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    rig.run()
    for row in rig.table():
        judge(rig, row, "accept")
    judge(rig, rig.table()[0], "again")
    assert rig.run(prompt__user="Another.").requests == 1
    check_bill(rig)
