from pipeline.config import load_config
from pipeline.session.spec_factory import SpecChange, SpecFactory


def test_the_later_of_two_changes_wins_and_none_leaves_it() -> None:
    change = SpecChange(model="a", detail="low").then(SpecChange(model="b", user="What?"))
    assert change == SpecChange(model="b", user="What?", detail="low")


def test_a_change_reaches_the_request_and_the_tier_decides_the_price() -> None:
    factory = SpecFactory.of(load_config(None, {"provider.name": "openai"}))
    plain = factory.build(local=False, account="a", now=1_795_000_000)
    change = SpecChange(user="What is it?", max_completion_tokens=77, tier="standard")
    other = factory.build(local=False, account="a", now=1_795_000_000, change=change)
    assert (other.template, other.request.max_completion_tokens) == ("What is it?", 77)
    assert plain.sheet is not None
    assert other.sheet is not None
    assert other.sheet != plain.sheet
    assert other.spec_id != plain.spec_id
