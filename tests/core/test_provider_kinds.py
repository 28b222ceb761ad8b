"""Words of providers: each stands in one place, and everything else follows from it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from pipeline.config.explain import explain
from pipeline.config.model import Config
from pipeline.config.origin import ValueOrigin
from pipeline.core.provider_kinds import (
    LOCAL,
    OPENAI,
    OPENAI_ONLINE,
    PROVIDER_KINDS,
    PROVIDER_NAMES,
    online_kind,
    paid_kind,
)


def test_every_word_can_be_configured() -> None:
    for name in PROVIDER_NAMES:
        assert Config.model_validate({"provider": {"name": name}}).provider.name == name


def test_another_word_is_refused_by_naming_all() -> None:
    with pytest.raises(ValidationError) as caught:
        Config.model_validate({"provider": {"name": "opneai"}})
    assert explain(caught.value, ValueOrigin("my.toml")) == (
        "my.toml: [provider] name = 'opneai': "
        "it should be 'auto', 'openai', 'openai_online' or 'local'"
    )


def test_words_that_are_persisted_stay() -> None:
    assert {kind.name: kind.service for kind in PROVIDER_KINDS.values()} == {
        "openai": "openai",
        "openai_online": "openai",
        "local": "local",
    }


@pytest.mark.parametrize("name", PROVIDER_NAMES)
def test_prices_are_asked_for_a_service_that_costs_money(name: str) -> None:
    assert paid_kind(name) == (OPENAI_ONLINE if name == "openai_online" else OPENAI)
    assert online_kind(name) == OPENAI_ONLINE
    assert LOCAL.local
