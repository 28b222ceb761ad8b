from pipeline.providers.models import model_facts
from pipeline.session.sizings import detail_of, policies


def test_the_policies_end_with_the_originals() -> None:
    sizings = policies(model_facts("gpt-6-luna", {}), "high")
    assert sizings[-1].name == "originals"
    assert sizings[-1].choose(4000, 3000) == (4000, 3000)
    assert max(sizings[0].choose(4000, 3000)) <= 512


def test_detail_auto_is_replaced_by_what_the_model_should_get() -> None:
    facts = model_facts("gpt-6-luna", {})
    assert detail_of("auto", facts) == facts.detail != "auto"
    assert detail_of("low", facts) == "low"
