import pytest

from pipeline.core.answer_schema import AnswerSchema
from pipeline.core.identity import hash_of
from pipeline.core.retry import DEFAULT_RULES
from pipeline.errors import BooksError
from pipeline.ledger.specs import SpecText, schema_of_names
from tests.ledger.world import NOW, World, answered

TEXT = SpecText("openai", "", "m", "/v1/x")


def test_the_same_wish_is_the_same_row(world: World) -> None:
    specs = world.ledger.specs
    first = specs.spec({"a": 1, "b": 2}, TEXT, NOW)
    assert specs.spec({"b": 2, "a": 1}, TEXT, NOW + 1) == first
    assert specs.spec({"a": 1}, TEXT, NOW) != first


def test_a_recipe_is_the_same_row_under_other_caps(world: World) -> None:
    specs = world.ledger.specs
    strict = specs.recipe({"long_side": 7}, {"max_pixels": 1})
    wide = specs.recipe({"long_side": 7}, {"max_pixels": 2})
    assert strict.row == wide.row != specs.recipe({"long_side": 8}, {}).row
    assert strict.admission == hash_of({"max_pixels": 1}) != wide.admission


def test_a_schema_names_its_fields(world: World) -> None:
    specs = world.ledger.specs
    schema = {"properties": {"caption": {}, "tags": {}}}
    spec = specs.spec({"request": {"schema": schema}}, TEXT, NOW)
    assert set(specs.schema_fields(spec)) == {"caption", "tags"}
    assert specs.answer_schema(spec) == AnswerSchema.of(schema)
    assert specs.answer_schema(world.spec) is None
    assert specs.schema_fields(world.spec) == ()
    assert specs.schema_fields(None) == ()


@pytest.mark.parametrize("order", [{"schema_order": ["caption", "z", "a"]}, {}])
def test_fields_come_in_the_order_of_the_schema(world: World, order: dict[str, object]) -> None:
    specs = world.ledger.specs
    schema = {"properties": {"caption": {}, "z": {}, "a": {}}, "required": ["caption", "z", "a"]}
    spec = specs.spec({"request": {"schema": schema, **order}}, TEXT, NOW)
    assert specs.schema_fields(spec) == ("caption", "z", "a")
    source = world.ledger.images.source("folder", "/a", "a")
    world.ledger.images.use_spec(source, spec, b"")
    assert [list(schema["properties"]) for schema in specs.schemas()] == [["caption", "z", "a"]]


def test_only_specs_that_rows_are_about_are_in_use(world: World) -> None:
    ledger = world.ledger
    schema = {"properties": {"caption": {}}}
    spec = ledger.specs.spec({"request": {"schema": schema}}, TEXT, NOW)
    assert (ledger.specs.in_use(), ledger.specs.schemas()) == ([world.spec], [])
    source = ledger.images.source("folder", "/a", "a")
    ledger.images.use_spec(source, spec, b"")
    assert (ledger.specs.in_use(), ledger.specs.schemas()) == ([world.spec, spec], [schema])


def test_what_a_ledger_knows_of_a_spec(world: World) -> None:
    specs = world.ledger.specs
    request = {"max_completion_tokens": 300, "system": "Be brief."}
    spec = specs.spec({"request": request, "template": "What is it?"}, TEXT, NOW)
    assert specs.max_tokens(spec) == 300
    assert (specs.max_tokens(None), specs.max_tokens(world.spec), specs.max_tokens(99)) == (
        None, None, None,
    )  # fmt: skip
    assert specs.canonical(99) == {}
    words = specs.texts()[-1]
    assert (words["model"], words["system"], words["user"]) == ("m", "Be brief.", "What is it?")
    assert specs.prompts() == ["prompt"]
    source = world.ledger.images.source("folder", "/a", "a")
    world.ledger.images.use_spec(source, spec, b"")
    assert specs.prompts() == ["prompt", "What is it?"]


def test_forms_are_under_way_from_their_create_call_until_they_are_settled(world: World) -> None:
    specs, shards = world.ledger.specs, world.ledger.shards
    world.image("a.jpg", 1)
    world.image("b.jpg", 2)
    assert (specs.under_way(), specs.answered()) == ([], [])
    shard, batch = world.submitted()
    (form,) = specs.under_way()
    assert (form.since, form.requests) == (NOW, 2)
    line = answered(world.works[0][1], 0, outcome="failed", caption=None)
    world.ledger.answers.settle(shard, batch, [line], DEFAULT_RULES, NOW)
    assert (specs.under_way(), specs.answered()) == ([], [])
    world.ledger.database.execute("UPDATE works SET outcome = 'refused' WHERE id = 1")
    assert specs.answered() == [form.spec]
    assert shards.get(shard.row).state == "SETTLED"


def test_a_form_was_answered_in_an_adopted_shard_too(world: World) -> None:
    """It was adopted by a rebuild, and knows no spec; its works were linked to theirs since."""
    world.image("a.jpg", 1)
    shard, batch = world.submitted()
    (form,) = world.ledger.specs.under_way()
    world.ledger.answers.settle(shard, batch, [answered(world.works[0][1], 0)], DEFAULT_RULES, NOW)
    world.ledger.database.execute("UPDATE shards SET spec = NULL")
    assert world.ledger.specs.answered() == [form.spec]


def test_names_of_fields_that_are_none_are_damage() -> None:
    assert schema_of_names(None) == schema_of_names("[]") == AnswerSchema(())
    assert schema_of_names('["caption", "tags"]').fields == ("caption", "tags")
    for text in ("[", "7"):
        with pytest.raises(BooksError, match="captionmill rebuild"):
            schema_of_names(text)
