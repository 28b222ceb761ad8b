import pytest

from pipeline.config import load_config
from pipeline.errors import UsageError
from pipeline.session import settings
from pipeline.sources.download import FetchOptions


def test_downloads_are_off_and_the_rules_are_the_downloaders_own() -> None:
    config = load_config(None)
    assert config.fetch.allow is False
    assert settings._fetch_options(config) == FetchOptions()


def test_rules_are_checked_at_load() -> None:
    config = load_config(None, {"fetch.allow": True, "fetch.allow_addresses": ["10.0.0.0/8"]})
    assert settings._fetch_options(config).rules
    with pytest.raises(UsageError, match="allow_addresses"):
        load_config(None, {"fetch.allow_addresses": ["10.0.0.0/99"]})
    with pytest.raises(UsageError, match="ports"):
        load_config(None, {"fetch.ports": [0]})
