from __future__ import annotations

import contextlib
import itertools

import pytest

from pipeline.config import load_config
from pipeline.core.image_tokens import Detail, image_tokens
from pipeline.errors import UsageError
from pipeline.providers.models import model_facts
from pipeline.server.families import billed_image_tokens
from pipeline.server.refusals import ApiError
from pipeline.server.requests import parse_request
from pipeline.session.spec import CaptionSpec
from pipeline.session.spec_factory import SpecFactory

MODELS = (
    *("gpt-6-astra", "gpt-6.1-sol", "gpt-6-sol", "gpt-6-luna", "gpt-5.6-luna", "gpt-5.5"),
    *("gpt-5.4-mini", "gpt-5.2", "gpt-5.1", "gpt-5", "gpt-5-mini", "gpt-5-nano"),
    *("gpt-4.1", "gpt-4.1-mini", "gpt-4o", "gpt-4o-mini", "o1", "o3", "o4-mini"),
    *("gpt-5-chat-latest", "gpt-5-pro", "gpt-5.2-pro"),
)
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


def spec_of(model: str, **changes: object) -> CaptionSpec:
    changes = {key.replace("__", "."): value for key, value in changes.items()}
    values = {"provider.name": "openai", "provider.model": model, **changes}
    factory = SpecFactory.of(load_config(None, values))
    return factory.build(local=False, account="test", now=1_795_000_000)


def endpoint_of(model: str) -> str:
    return model_facts(model).endpoints[0]


def is_refused_by_the_server(model: str, spec: CaptionSpec) -> bool:
    body = spec.wire_format.body(spec.request, "hello", "https://example.com/a.png")
    try:
        parse_request(spec.request.endpoint, body, [model])
    except ApiError:
        return True
    return False


@pytest.mark.parametrize(("model", "effort"), list(itertools.product(MODELS, EFFORTS)))
def test_what_the_server_refuses_is_not_sent(model: str, effort: str) -> None:
    tokens, endpoint = 2000, endpoint_of(model)
    bare = spec_of(
        model, provider__endpoint=endpoint, prompt__max_completion_tokens=tokens,
        prompt__reasoning_effort=effort, models={model: {"reasoning_efforts": list(EFFORTS)}},
    )  # fmt: skip
    refused = is_refused_by_the_server(model, bare)
    expected = pytest.raises(UsageError, match=r"it takes|leave reasoning_effort out")
    with expected if refused else contextlib.nullcontext():
        spec_of(
            model, provider__endpoint=endpoint, prompt__max_completion_tokens=tokens,
            prompt__reasoning_effort=effort,
        )  # fmt: skip


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("tokens", [1, 15, 16, 63, 64, 99, 100])
def test_too_few_tokens_are_not_sent(model: str, tokens: int) -> None:
    for endpoint in model_facts(model).endpoints:
        own = {model: {"min_completion_tokens": 1}}
        bare = spec_of(
            model, provider__endpoint=endpoint, prompt__max_completion_tokens=tokens, models=own
        )
        refused = is_refused_by_the_server(model, bare)
        expected = pytest.raises(UsageError, match="no less than")
        with expected if refused else contextlib.nullcontext():
            spec_of(model, provider__endpoint=endpoint, prompt__max_completion_tokens=tokens)


def test_a_family_that_nobody_knows_is_never_refused() -> None:
    for effort in EFFORTS:
        assert spec_of("mymodel", prompt__reasoning_effort=effort)
    assert spec_of("mymodel", provider__endpoint="/v1/responses", prompt__max_completion_tokens=1)


def test_the_users_own_values_hold_for_unknown_families_too() -> None:
    own = {"mymodel": {"reasoning_efforts": ["low", "high"], "min_completion_tokens": 50}}
    with pytest.raises(UsageError, match="it takes low or high"):
        spec_of("mymodel", prompt__reasoning_effort="medium", models=own)
    with pytest.raises(UsageError, match="no less than 50"):
        spec_of("mymodel", prompt__max_completion_tokens=49, models=own)


SIZES = [(1, 1), (32, 33), (776, 1035), (1383, 1037), (2048, 2049), (4096, 512), (9, 8000)]


@pytest.mark.parametrize(("model", "detail"), list(itertools.product(MODELS, ["low", "high"])))
def test_image_tokens_of_server_and_product_agree(model: str, detail: Detail) -> None:
    rule = model_facts(model).image_rule
    if rule is None:
        assert model == "gpt-5-pro"  # the guide does not say
        return
    for width, height in [
        *SIZES,
        *((w, h) for w in range(480, 560, 7) for h in range(300, 900, 31)),
    ]:
        expected = billed_image_tokens(model, width, height, detail)
        assert image_tokens(width, height, rule, detail) == expected, (width, height)
