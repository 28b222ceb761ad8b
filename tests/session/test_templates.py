from __future__ import annotations

from pipeline.config import load_config
from pipeline.core.retry import RetryRule
from pipeline.session import templates
from pipeline.session.settings import RunSettings
from pipeline.session.spec import CaptionSpec
from pipeline.session.spec_factory import SpecChange

NOW = 1_795_000_000


def settings_of(**overrides: object) -> RunSettings:
    keys = {key.replace("__", "."): value for key, value in overrides.items()}
    return RunSettings.of(load_config(None, keys))


def test_a_further_attempt_is_written_by_its_outcomes_rule() -> None:
    made = settings_of(
        retry__length={"attempts": 3, "raise_max_completion_tokens": 200},
        retry__refused={"attempts": 2, "model": "gpt-5.4-mini", "detail": "low"},
    )

    def caption_spec(change: SpecChange) -> CaptionSpec:
        return made.specs.build(local=False, account="", now=NOW, change=change)

    again = templates.retry_templates(made.retry, caption_spec(SpecChange()), caption_spec)
    first = templates.request_template(caption_spec(SpecChange()))
    assert again("expired", 1).request == first.request
    assert again("length", 1).request.max_completion_tokens == 240
    assert again("length", 2).request.max_completion_tokens == 480
    other = again("refused", 1)
    assert (other.request.model, other.request.detail) == ("gpt-5.4-mini", "low")
    assert other.estimator.sheet != first.estimator.sheet
    assert made.retry["length"] == RetryRule(3, 200)
