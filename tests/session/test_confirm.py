import re
from datetime import date

import pytest

from pipeline.commands.estimate import estimate
from pipeline.commands.run import run
from pipeline.core.pricing import format_usd, usd_text
from pipeline.errors import NeedsPerson
from pipeline.session.confirm import ShownConfirm
from tests.rig import MODEL, Rig


def test_a_price_above_the_amount_is_asked_and_below_it_is_only_shown(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    with pytest.raises(NeedsPerson, match=r"not confirmed: 2 requests, about \$0\.\d+, at most"):
        rig.run(yes=False, budget__confirm_above="0")
    assert rig.posts("/v1/files") == 0
    rig.run(yes=False, budget__confirm_above="1.00")
    assert any(text.startswith("2 requests, about $") for text in rig.said)


def test_a_price_of_exactly_the_amount_is_not_asked(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    most = estimate(rig.config(), rig.data).quote.max_cost
    assert most
    with pytest.raises(NeedsPerson, match="not confirmed"):
        rig.run(yes=False, budget__confirm_above=usd_text(most - 1))
    assert rig.posts(None) == 0
    rig.run(yes=False, budget__confirm_above=usd_text(most))
    assert rig.outcomes() == {"captioned": 2}


def test_the_question_says_how_much_of_a_job_the_budget_pays_for(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    cap = f"the run budget of {format_usd(1000)}"
    with pytest.raises(NeedsPerson, match=re.escape(cap)) as refused:
        rig.run(yes=False, budget__confirm_above="0", budget__run=usd_text(1000))
    assert str(refused.value).count(cap) == 1
    assert not any(cap in text for text in rig.said)


def test_a_question_without_a_tight_budget_says_the_price_alone(rig: Rig) -> None:
    rig.add("a.png")
    asked: list[str] = []
    confirm = ShownConfirm(lambda question: not asked.append(question))
    run(rig.config(budget__confirm_above="0"), rig.data, confirm=confirm, say=rig.said.append)
    (question,) = asked
    assert re.fullmatch(
        r"1 request, about \$[\d.]+, at most \$[\d.]+\. That is more than \$0\.00 "
        r"\(\[budget\] confirm_above\)\. Go on\?",
        question,
    )


def test_a_changed_prompt_is_said_in_the_question_and_below_the_amount(rig: Rig) -> None:
    rig.add("a.png")
    rig.run()
    changed = "the prompt or model has changed: 1 request, about $"
    assert not any(changed in text for text in rig.said)
    with pytest.raises(NeedsPerson, match=re.escape(f"not confirmed: {changed}")):
        rig.run(yes=False, budget__confirm_above="0", prompt__user="Name the colours.")
    rig.run(yes=False, prompt__user="Name the colours.")
    assert sum(text.startswith(changed) for text in rig.said) == 1


def test_nothing_new_is_not_priced(rig: Rig) -> None:
    rig.add("a.png")
    assert rig.run().quote is not None
    rig.said.clear()
    assert rig.run(yes=False, budget__confirm_above="0").quote is None
    assert not any("requests" in text for text in rig.said)


def test_bills_beyond_the_estimates_raise_what_is_reserved(rig: Rig) -> None:
    rig.add("a.png")
    first = rig.run().quote
    with rig.workspace.lock():
        from pipeline.ledger import Ledger

        with Ledger(rig.workspace.ledger) as ledger:
            ledger.database.execute("UPDATE calibration SET estimated = 100, billed = 300")
    rig.add("b.png", first=9)
    second = rig.run().quote
    assert first is not None
    assert second is not None
    assert first.max_cost is not None
    assert second.max_cost is not None
    assert second.max_cost > first.max_cost


def test_a_model_that_goes_soon_is_told_of_while_it_is_used(rig: Rig) -> None:
    rig.add("a.png")
    gone = {MODEL: {"shutdown": date(2026, 1, 1)}}
    rig.run(models=gone)
    assert any(text.startswith(f"{MODEL} was shut down on 2026-01-01") for text in rig.said)
    rig.said.clear()
    rig.run(models=gone)
    assert not any("shut down" in text for text in rig.said)


def test_the_price_is_said_once_whoever_asks(rig: Rig) -> None:
    rig.add("a.png")
    with pytest.raises(NeedsPerson) as refused:
        rig.run(yes=False, budget__confirm_above="0")
    assert str(refused.value).count("1 request, about $") == 1
    assert not any("1 request, about $" in text for text in rig.said)
    rig.run(yes=True, budget__confirm_above="0")
    assert sum("1 request, about $" in text for text in rig.said) == 1


def test_a_price_that_a_person_has_read_is_not_said_again(rig: Rig) -> None:
    rig.add("a.png")
    asked: list[str] = []
    confirm = ShownConfirm(lambda question: not asked.append(question))
    run(rig.config(budget__confirm_above="0"), rig.data, confirm=confirm, say=rig.said.append)
    (question,) = asked
    assert question.startswith("1 request, about $")
    assert not any("1 request, about $" in text for text in rig.said)
