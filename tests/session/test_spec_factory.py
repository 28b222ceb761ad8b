from msgspec.structs import replace

from pipeline.config import load_config
from pipeline.session.spec import CaptionSpec
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


def built(template: str, values: dict[str, str], columns: tuple[str, ...] = ()) -> CaptionSpec:
    config = load_config(None, {"prompt.user": template, "prompt.values": values})
    factory = replace(SpecFactory.of(config), columns=columns)
    return factory.build(local=False, account="a", now=1_795_000_000)


def test_values_are_part_of_the_identity_only_where_the_prompt_names_them() -> None:
    plain = built("Describe it.", {})
    assert built("Describe it.", {"language": "German"}).spec_id == plain.spec_id
    assert built("Write {{language}}.", {"language": "x"}).template == "Write {{language}}."
    german, dutch = (built("In {language}.", {"language": v}) for v in ("German", "Dutch"))
    assert german.template == "In German."
    assert german.spec_id == built("In German.", {}).spec_id
    assert german.spec_id != dutch.spec_id


def test_a_column_wins_over_a_value_which_is_no_part_of_the_identity_then() -> None:
    columns = ("title", "language")
    german, dutch = (built("In {language}.", {"language": v}, columns) for v in ("de", "nl"))
    assert german.template == "In {language}."
    assert german.spec_id == dutch.spec_id == built("In {language}.", {}, columns).spec_id


def test_the_prompt_of_a_change_has_the_values_too() -> None:
    factory = SpecFactory.of(load_config(None, {"prompt.values": {"language": "Dutch"}}))
    change = SpecChange(user="What is it, in { language }?")
    other = factory.build(local=False, account="a", now=1_795_000_000, change=change)
    assert other.template == "What is it, in Dutch?"
