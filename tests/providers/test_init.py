"""The registry of services."""

from __future__ import annotations

from typing import cast

import pytest

from pipeline.core.provider_kinds import PROVIDER_KINDS
from pipeline.errors import UsageError
from pipeline.providers import SERVICES, ProviderEntry, online_of, single_of
from pipeline.providers.base import BatchOptions
from pipeline.providers.openai_batch import OpenAIBatches
from pipeline.providers.openai_online import OpenAIAsk
from pipeline.system.secrets import Secret


def test_every_kind_has_its_service() -> None:
    assert {kind.service for kind in PROVIDER_KINDS.values()} == set(SERVICES)


@pytest.mark.parametrize("service", SERVICES)
def test_opening_one_makes_no_call(service: str) -> None:
    options = BatchOptions(Secret("sk-test-key-of-nobody"), base_url="http://127.0.0.1:9/v1")
    batches, single = SERVICES[service].batches(options), single_of(service)(options)
    assert isinstance(batches, OpenAIBatches)
    assert isinstance(single, OpenAIAsk)
    assert batches.options == options
    batches.close()
    single.close()


def test_a_service_of_batches_alone_is_asked_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        cast(dict[str, ProviderEntry], SERVICES), "slow", ProviderEntry(OpenAIBatches)
    )
    for opener in (online_of, single_of):
        with pytest.raises(UsageError, match="slow takes batches only"):
            opener("slow")
