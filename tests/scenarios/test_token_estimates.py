"""What is expected of the prompt tokens against the bill, before the first answer."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.commands.estimate import estimate
from pipeline.core.image_tokens import Detail, ImageTooLarge, UnsupportedDetail, image_tokens
from pipeline.providers.models import model_facts
from pipeline.server import families, tokenizer
from pipeline.server.refusals import ApiError
from tests.rig import Rig, picture

SCHEMA = {
    "type": "object",
    "properties": {"caption": {"type": "string"}, "tags": {"type": "array", "items": {
        "type": "string", "description": "A word for something in the picture, \u00fcber alles."}}},
    "required": ["caption", "tags"],
    "additionalProperties": False,
}  # fmt: skip
PROMPTS: list[dict[str, object]] = [
    {},
    {"prompt__system": ""},
    {"prompt__user": "Beschreibe das Bild f\u00fcr \u3042."},
    {"prompt__user": "Say what is in the foreground, then what is behind it. " * 60},
    {"prompt__user": "\u8fd9\u5f20\u7167\u7247\u91cc\u6709\u4ec0\u4e48\uff1f" * 20},
    {"prompt__user": "\U0001f642 \U0001f408\u200d\u2b1b {{curly}}\n\t\t" * 20},
    {"prompt__schema": SCHEMA},
]


def words_of(value: object) -> str:
    return "default" if not value else str(value)[:40]


@pytest.mark.parametrize("size", [(48, 32), (500, 375), (2000, 1500)])
@pytest.mark.parametrize("prompt", PROMPTS[:3], ids=words_of)
def test_the_estimate_is_the_bill(rig: Rig, size: tuple[int, int], prompt: dict[str, str]) -> None:
    is_the_bill(rig, size, prompt)


@pytest.mark.parametrize("prompt", PROMPTS[3:], ids=words_of)
def test_the_estimate_is_the_bill_of_odd_prompts(rig: Rig, prompt: dict[str, str]) -> None:
    is_the_bill(rig, (48, 32), prompt)


def is_the_bill(rig: Rig, size: tuple[int, int], prompt: dict[str, str]) -> None:
    for number in range(3):
        picture(rig.data / f"{number}.png", number, size)
    expected = estimate(rig.config(**prompt), rig.data).quote.prompt_tokens
    assert rig.run(**prompt).outcomes == {"captioned": 3}
    billed = sum(row["prompt_tokens"] for row in rig.table())
    assert abs(expected - billed) <= billed * 0.01


def image_rules() -> list[str]:
    """Models whose images both count by a rule."""
    return sorted(
        name for name in families._FAMILIES if name and model_facts(name).image_rule is not None
    )


SIDES = st.one_of(st.integers(1, 3_000), st.integers(1, 70_000))
SIZES = st.one_of(st.tuples(SIDES, SIDES), SIDES.map(lambda side: (side, side)))


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(image_rules()), SIZES, st.sampled_from(["low", "high", "original", "auto"]))
@example("gpt-6-luna", (2265, 2265), "high")  # just 50 patches a side
@example("gpt-5.5", (4089, 4089), "original")  # and just 100
def test_the_server_counts_the_tokens_of_an_image_as_the_product_does(
    model: str, size: tuple[int, int], detail: Detail
) -> None:
    rule = model_facts(model).image_rule
    assert rule is not None
    try:
        expected: object = image_tokens(*size, rule, detail)
    except (ImageTooLarge, UnsupportedDetail) as refusal:
        expected = type(refusal)
    try:
        billed: object = families.billed_image_tokens(model, *size, detail)
    except ApiError as refusal:
        billed = ImageTooLarge if refusal.code == "image_too_large" else UnsupportedDetail
    assert billed == expected


def test_the_estimate_learns_from_the_bills_of_another_tokenizer(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_text = tokenizer.text_tokens
    monkeypatch.setattr(tokenizer, "text_tokens", lambda *texts: 3 * of_text(*texts) // 2)
    for night, size in enumerate([(48, 32), (500, 375), (512, 512)]):
        for number in range(4):
            picture(rig.data / f"{night}{number}.png", 10 * night + number, size)
        expected = estimate(rig.config(), rig.data).quote.prompt_tokens
        rig.run()
        rows = [row for row in rig.table() if row["path"].startswith(f"{night}")]
        billed = sum(row["prompt_tokens"] for row in rows)
        assert (abs(expected - billed) <= billed * 0.01) == (night > 0)


def test_the_vocabulary_is_loaded_only_for_what_is_new() -> None:
    code = (
        "import sys; from pipeline.config import load_config; from pipeline.session.spec_factory "
        "import SpecFactory; factory = SpecFactory.of(load_config(None, {'provider.name': "
        "'openai'})); spec = factory.build(local=False, account='', now=0); spec.largest(); "
        "assert 'quicktok' not in sys.modules; spec.estimator.estimate(8, 8, 'a'); "
        "assert 'quicktok' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
