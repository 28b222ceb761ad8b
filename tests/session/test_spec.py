import pytest

from pipeline.config import load_config
from pipeline.core.cost_estimate import CostEstimator
from pipeline.core.pricing import LOCAL_FREE
from pipeline.errors import UsageError
from pipeline.session.spec import CaptionSpec
from pipeline.session.spec_factory import SpecFactory

NOW = 1_795_000_000


def make_spec(local: bool = False, account: str = "default", **overrides: object) -> CaptionSpec:
    keys = {key.replace("__", "."): value for key, value in overrides.items()}
    factory = SpecFactory.of(load_config(None, keys))
    return factory.build(local=local, account=account, now=NOW)


def test_what_shapes_an_answer_is_its_identity_and_nothing_else() -> None:
    same = make_spec().spec_id
    assert make_spec(batch__poll_seconds=99, budget__lifetime="1").spec_id == same
    assert make_spec(batch__max_requests=5, images__workers=3).spec_id == same
    others = [
        make_spec(prompt__user="What is it?"),
        make_spec(prompt__system="Be brief."),
        make_spec(prompt__max_completion_tokens=60),
        make_spec(prompt__detail="low"),
        make_spec(provider__model="gpt-5.4-mini"),
        make_spec(provider__endpoint="/v1/responses"),
        make_spec(images__long_side=768),
        make_spec(images__quality=70),
        make_spec(account="another"),
        make_spec(local=True),
    ]
    identities = {other.spec_id for other in others}
    assert len(identities) == len(others)
    assert same not in identities


def test_the_local_model_is_free_and_has_a_name_of_its_own() -> None:
    found = make_spec(local=True)
    assert found.sheet is LOCAL_FREE
    assert found.request.model == "captionmill-local-ssd-mobilenet-v2"


def test_detail_auto_is_never_sent() -> None:
    assert make_spec(prompt__detail="auto").request.detail != "auto"


def test_an_unknown_model_has_no_price() -> None:
    assert make_spec(provider__model="gpt-9-none").sheet is None


def test_what_a_model_cannot_do_is_an_error_that_names_it() -> None:
    with pytest.raises(UsageError, match=r"gpt-4o does not know detail 'original'"):
        make_spec(provider__model="gpt-4o", prompt__detail="original")
    with pytest.raises(UsageError, match=r"\[images\] target"):
        make_spec(
            provider__model="gpt-4o",
            images__target={"kind": "tokens", "value": 16},
        )


def test_an_unread_image_is_taken_for_the_dearest_one() -> None:
    found = make_spec()
    estimator = CostEstimator(found.estimator, found.priced)
    bound = estimator.estimate(*found.largest(), "x")
    assert bound.max_cost is not None
    for width, height in [(10, 10), (4000, 3000), (3000, 4000), (9000, 400), (512, 512)]:
        max_cost = estimator.estimate(*found.recipe.size.choose(width, height), "x").max_cost
        assert max_cost is not None
        assert max_cost <= bound.max_cost


def test_a_model_that_is_not_served_at_the_endpoint_is_named() -> None:
    with pytest.raises(UsageError, match=r"gpt-5.4-pro is not served at /v1/chat/completions: set"):
        make_spec(provider__model="gpt-5.4-pro")
    assert make_spec(provider__model="gpt-5.4-pro", provider__endpoint="/v1/responses")
    for endpoint in ("/v1/chat/completions", "/v1/responses"):
        assert make_spec(provider__model="somebody/else", provider__endpoint=endpoint)
