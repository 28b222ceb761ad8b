from pipeline.config import Config, load_config
from pipeline.core.budget import BudgetCaps
from pipeline.core.lifecycle import Patience
from pipeline.core.retry import DEFAULT_RULES, RetryRule
from pipeline.engines import LocalEngine
from pipeline.session import settings, spec
from pipeline.sources import SourceOptions

NOW = 1_795_000_000


def config(**overrides: object) -> Config:
    return load_config(None, {key.replace("__", "."): value for key, value in overrides.items()})


def test_the_default_configuration_is_the_stages_defaults() -> None:
    default = config()
    assert settings.caps(default) == BudgetCaps()
    assert settings.patience(default) == Patience()
    rules = settings.rules(default)
    for outcome, rule in DEFAULT_RULES.items():
        assert rules[outcome] == rule
    assert settings.source_options(default, None) == SourceOptions()


def test_money_arrives_as_whole_nano_dollars() -> None:
    caps = settings.caps(config(budget__day="0.10", budget__lifetime="12.345678901"))
    assert caps == BudgetCaps(day=100_000_000, lifetime=12_345_678_901)


def test_shards_fit_into_the_queue_twice_and_are_small_for_the_built_in_server() -> None:
    default = config()
    assert settings.limits(default, None).tokens == default.batch.max_tokens
    assert settings.limits(default, 1_000).tokens == 500
    assert settings.limits(default, 1).tokens == 1
    assert settings.limits(default, None, local=True).requests < default.batch.max_requests


def test_the_catalogue_guesses_the_queue_but_not_for_the_built_in_server() -> None:
    assert settings.queue_guess(config(), local=True)("gpt-6-luna") is None
    guess = settings.queue_guess(config(), local=False)("gpt-6-luna")
    assert guess is not None
    assert guess >= 100_000


def test_a_further_attempt_is_written_by_its_outcomes_rule() -> None:
    asked = config(
        retry__length={"attempts": 3, "raise_max_completion_tokens": 200},
        retry__refused={"attempts": 2, "model": "gpt-5.4-mini", "detail": "low"},
    )

    def caption_spec(c: Config) -> spec.CaptionSpec:
        return spec.build_spec(c, local=False, account="", now=NOW)

    again = settings.retry_templates(asked, caption_spec(asked), caption_spec)
    first = settings.request_template(caption_spec(asked))
    assert again("expired", 1).request == first.request
    assert again("length", 1).request.max_completion_tokens == 240
    assert again("length", 2).request.max_completion_tokens == 480
    other = again("refused", 1)
    assert (other.request.model, other.request.detail) == ("gpt-5.4-mini", "low")
    assert other.estimator.sheet != first.estimator.sheet
    assert settings.rules(asked)["length"] == RetryRule(3, 200)


def test_engines_take_their_limits_from_the_configuration() -> None:
    asked = config(images__workers=1, images__seconds_per_image="5s")
    recipe = spec.build_spec(asked, local=False, account="", now=NOW).recipe
    with settings.engines(asked, recipe, lambda _source_id: False) as found:
        assert isinstance(found.sparing, LocalEngine)
        assert found.sparing is not found.thorough
        assert list(found.sparing.prepare([])) == []
