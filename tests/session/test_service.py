from dataclasses import replace
from typing import cast

import pytest

from pipeline.config import load_config
from pipeline.core import provider_kinds
from pipeline.core.dialects import OPENAI_DIALECT, TOGETHER_DIALECT
from pipeline.core.provider_kinds import ProviderKind
from pipeline.providers import SERVICES, ProviderEntry
from pipeline.providers.base import OPENAI
from pipeline.session.account import AccountOptions, Identity
from pipeline.session.service import announce, service_options
from pipeline.session.settings import RunSettings
from pipeline.system.secrets import Secret
from tests.rig import KEY

IDENTITY = Identity("openai", "a", Secret(KEY))


def configured(**provider: object) -> RunSettings:
    keys = {f"provider.{name}": value for name, value in provider.items()}
    return RunSettings.of(load_config(None, keys))


def account_options(name: str = "auto") -> AccountOptions:
    return AccountOptions.of(load_config(None, {"provider.name": name}))


def test_the_service_is_reached_as_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    plain = service_options(configured(), IDENTITY)
    assert (plain.base_url, plain.organization, plain.project) == (OPENAI, None, None)
    assert (plain.batch_purpose, plain.completion_window, plain.dialect) == (
        "batch",
        "24h",
        OPENAI_DIALECT,
    )
    assert plain.upload_expires_after == 2_592_000
    given = {
        "base_url": "https://example.com/v1",
        "organization": "org-1",
        "project": "proj_1",
        "endpoint": "/v1/responses",
        "completion_window": "7d",
        "batch_purpose": "batch-api",
        "dialect": "together",
    }
    settings = configured(**given, headers={"x-a": "b"})
    options = service_options(settings, IDENTITY)
    wanted = given | {"dialect": TOGETHER_DIALECT}
    assert {name: getattr(options, name) for name in given} == wanted
    assert options.extra_headers == {"x-a": "b"}
    assert options.api_key.reveal() == KEY


def test_uploads_without_expiry() -> None:
    settings = RunSettings.of(load_config(None, {"batch.upload_expires_after": 0}))
    assert service_options(settings, IDENTITY).upload_expires_after is None


def test_the_environment_names_another_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "https://example.com/v1")
    assert service_options(configured(), IDENTITY).base_url == "https://example.com/v1"
    settings = configured(base_url="https://other.example.com/v1")
    assert service_options(settings, IDENTITY).base_url == "https://other.example.com/v1"


def test_another_service_has_an_address_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = replace(SERVICES["openai"], base_url="https://acme.example/v1", base_url_variable="")
    monkeypatch.setitem(cast(dict[str, ProviderEntry], SERVICES), "acme", entry)
    kinds = provider_kinds.PROVIDER_KINDS | {"acme": ProviderKind("acme", "acme", "Acme")}
    monkeypatch.setattr(provider_kinds, "PROVIDER_KINDS", kinds)
    monkeypatch.setattr(provider_kinds, "PROVIDER_NAMES", ("auto", *kinds))
    monkeypatch.setenv("OPENAI_BASE_URL", "https://example.com/v1")
    assert service_options(configured(name="acme"), IDENTITY).base_url == "https://acme.example/v1"


def test_the_first_line_says_who_captions() -> None:
    lines: list[str] = []
    announce(Identity("local", "", None), account_options(), lines.append, "api.openai.com")
    announce(IDENTITY, account_options(), lines.append, "api.openai.com")
    announce(IDENTITY, account_options("openai_online"), lines.append, "api.openai.com")
    assert lines[0].startswith("LOCAL MODEL (no OPENAI_API_KEY")
    assert lines[1:] == [
        "OpenAI batch captions by gpt-6-luna at api.openai.com, account 'a'",
        "OpenAI online captions by gpt-6-luna at api.openai.com, account 'a'",
    ]
