"""Settings of a run, from a configuration."""

from __future__ import annotations

from pipeline.config import Config, load_config
from pipeline.core.budget import BudgetCaps
from pipeline.core.budget_words import COMMAND_LINE
from pipeline.core.lifecycle import Patience
from pipeline.core.retry import DEFAULT_RULES
from pipeline.session.settings import RunSettings
from pipeline.sources import SourceOptions

NOW = 1_795_000_000


def config(**overrides: object) -> Config:
    options = {key.replace("__", "."): value for key, value in overrides.items()}
    return load_config(None, options, overrides_from=COMMAND_LINE)


def settings_of(**overrides: object) -> RunSettings:
    return RunSettings.of(config(**overrides))


def test_the_default_configuration_is_the_stages_defaults() -> None:
    default = settings_of()
    assert default.budget.caps == BudgetCaps()
    assert default.patience == Patience()
    for outcome, rule in DEFAULT_RULES.items():
        assert default.retry[outcome] == rule
    assert default.source == SourceOptions()


def test_every_setting_follows_its_key() -> None:
    changed = settings_of(
        workspace="elsewhere",
        workspace_mirror="s3://bucket/mirror",
        provider__model="gpt-5.4-mini",
        provider__base_url="http://127.0.0.1:1/v1",
        budget__run="1",
        budget__lifetime="9",
        input__lost_share="0.9",
        budget__confirm_above="2",
        batch__grace_seconds=7,
        batch__creates_per_hour=3,
        retry__empty={"attempts": 4},
        online__in_flight=5,
        images__workers=2,
        images__max_file_bytes="1MB",
        images__near_duplicates={"distance": 3},
        input__follow_links="never",
        fetch__allow=True,
        fetch__ports=[8443],
        fetch__keep_bytes=5_000_000,
        output__parquet="~/t.parquet",
        input__reread=True,
        input__limit=3,
        input__skip_captioned=["xmp"],
        notify__when="always",
        log__level="debug",
        log__keep=3,
        review__reviewer="Ada",
        review__include_reviewed=True,
        models={"m": {"whole_endings": ["EOS"]}},
    )
    default = settings_of()
    names = RunSettings.__struct_fields__
    assert [n for n in names if getattr(changed, n) == getattr(default, n)] == []
    assert (default.declares_endings, changed.declares_endings) == (False, True)
    assert changed.whole_endings("m") == frozenset({"eos"})
    assert changed.output.table is not None
    assert "~" not in str(changed.output.table)


def test_money_arrives_as_whole_nano_dollars() -> None:
    caps = settings_of(budget__day="0.10", budget__lifetime="12.345678901").budget.caps
    assert caps == BudgetCaps(day=100_000_000, lifetime=12_345_678_901)


def test_a_cap_for_one_run_never_raises_the_configured_one() -> None:
    assert settings_of().capped(5).budget.caps.run == 5
    assert settings_of(budget__run="1").capped(5).budget.caps.run == 5
    assert settings_of(budget__run="1").capped(5 * 10**9).budget.caps.run == 10**9


def test_shards_fit_into_the_queue_twice_and_are_small_for_the_built_in_server() -> None:
    batch = settings_of().batch
    assert batch.shard_limits(None) == batch.limits
    assert batch.shard_limits(1_000).tokens == 500
    assert batch.shard_limits(1).tokens == 1
    assert batch.shard_limits(None, local=True).requests < batch.limits.requests


def test_the_catalogue_guesses_the_queue() -> None:
    guess = settings_of().batch.queue_guess("gpt-6-luna")
    assert guess is not None
    assert guess >= 100_000


def test_addresses_are_downloaded_or_passed_on_and_never_both() -> None:
    assert settings_of().download is None
    fetched = settings_of(fetch__allow=True)
    assert fetched.download is not None
    assert fetched.source.url_passthrough is None
    passed = settings_of(fetch__allow=True, input__image_mode="url")
    assert passed.download is None
    assert passed.source.url_passthrough is not None
    assert passed.engine.send_urls
