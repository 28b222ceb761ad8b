"""The schema of models and prices, as a configuration meets it: every mistake names its key."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from pydantic import ValidationError

from pipeline.config.explain import explain
from pipeline.config.model import Config
from pipeline.config.origin import ValueOrigin
from pipeline.core.catalogue import ModelTable, PriceTable


def sentence(raw: dict[str, object]) -> str:
    with pytest.raises(ValidationError) as caught:
        Config.model_validate(raw)
    return explain(caught.value, ValueOrigin("my.toml"))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"detial": "low"}, "[models.m] detial is not a known key; did you mean detail?"),
        ({"detail": "auto"}, "[models.m] detail = 'auto': it should be 'low', 'high' or 'orig"),
        ({"reasoning_effort": "off"}, "reasoning_effort = 'off': it should be 'none', 'minimal'"),
        ({"temperature": 1}, "[models.m] temperature = 1: it should be a valid boolean"),
        ({"max_tokens_parameter": "n"}, "max_tokens_parameter = 'n': it should be 'max_compl"),
        ({"enqueued_tokens": 0}, "enqueued_tokens = 0: it should be greater than or equal to 1"),
        ({"enqueued_tokens": True}, "enqueued_tokens = True: it should be a valid integer"),
        ({"endpoints": []}, "[models.m] endpoints: it should be Tuple should have at least 1"),
        ({"endpoints": ["/v1/embeddings"]}, "[models.m.endpoints] 0 = '/v1/embeddings': it should"),
        ({"shutdown": "soon"}, "[models.m] shutdown = 'soon': it should be a valid date"),
        ({"like": ""}, "[models.m] like = '': it should be String should have at least 1"),
        ({"image": 3}, "[models.m] image = 3: it should be a valid dictionary"),
        ({"image": {"rule": "dice"}}, "[models.m.image] rule = 'dice': it should be 'patch' or"),
        ({"image": {"multiplier": "much"}}, "multiplier = 'much': write a number from 0.01 to"),
        ({"image": {"multiplier": 0}}, "multiplier = 0: write a number from 0.01 to 1000"),
        ({"image": {"multiplier": "1/0"}}, "multiplier = '1/0': write a number from 0.01"),
        ({"image": {"low": {"max_patches": 5}}}, "[models.m.image.low] max_side is missing"),
        ({"image": {"low": {"side": 5}}}, "[models.m.image.low] side is not a known key; did"),
        ({"image": {"low": {"max_side": -5}}}, "[models.m.image.low] max_side = -5: it should be"),
        (5, "[models] m = 5: it should be a valid dictionary"),
    ],
)
def test_a_wrong_model_names_its_key(table: object, message: str) -> None:
    assert message in sentence({"models": {"m": table}})


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"input": 1}, "[prices.m] output is missing"),
        ({"output": 1}, "[prices.m] input is missing"),
        ({"input": 1, "output": 1, "inptu": 1}, "[prices.m] inptu is not a known key; did you"),
        ({"input": -1, "output": 1}, "[prices.m] input = -1: it must be zero or more"),
        ({"input": 1, "output": "NaN"}, "[prices.m] output = 'NaN': it must be zero or more"),
        ({"input": 1, "output": "inf"}, "[prices.m] output = 'inf': it must be zero or more"),
        ({"input": 1, "output": "a lot"}, "[prices.m] output = 'a lot': write a number"),
        ({"input": True, "output": 1}, "[prices.m] input = True: write a number"),
        ({"input": [1], "output": 1}, "[prices.m] input: write a number"),
        ({"input": 0.5, "output": 1}, "[prices.m] input = '0.5': write a number"),
        ({"input": 10_000_000, "output": 1}, "[prices.m] input = 10000000: a price is between"),
        ({"input": "0.1234567890123456789", "output": 1}, "input = '0.1234567890123456789': a pr"),
    ],
)
def test_a_wrong_price_names_its_key(table: object, message: str) -> None:
    assert message in sentence({"prices": {"m": table}})


def test_numbers_are_exact() -> None:
    image = ModelTable.model_validate({"image": {"multiplier": Decimal("1.62")}}).image
    assert image is not None
    assert image.multiplier == Fraction(81, 50)
    assert PriceTable.model_validate({"input": "0.30", "output": 1}).input == Decimal("0.30")
    dated = ModelTable.model_validate(
        {"shutdown": date(2027, 1, 14), "endpoints": ["/v1/responses"]}
    )
    assert dated.endpoints == ("/v1/responses",)
