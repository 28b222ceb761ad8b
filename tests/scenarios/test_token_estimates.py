"""What is expected of the prompt tokens against the bill, before the first answer."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pipeline.commands.estimate import estimate
from pipeline.server import tokenizer
from tests.rig import Rig, picture


@pytest.mark.parametrize("size", [(48, 32), (500, 375), (2000, 1500)])
@pytest.mark.parametrize(
    "prompt", [{}, {"prompt__system": ""}, {"prompt__user": "Beschreibe das Bild f\u00fcr \u3042."}]
)
def test_the_estimate_is_the_bill(rig: Rig, size: tuple[int, int], prompt: dict[str, str]) -> None:
    for number in range(3):
        picture(rig.data / f"{number}.png", number, size)
    expected = estimate(rig.config(**prompt), rig.data).quote.prompt_tokens
    assert rig.run(**prompt).outcomes == {"captioned": 3}
    billed = sum(row["prompt_tokens"] for row in rig.table())
    assert abs(expected - billed) <= billed * 0.01


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
