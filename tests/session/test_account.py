from pathlib import Path

import pytest

from pipeline.config import load_config
from pipeline.errors import UsageError
from pipeline.ledger import Ledger
from pipeline.ledger.reservations import Scope
from pipeline.records import Nano
from pipeline.session.account import (
    AccountOptions,
    Identity,
    identify,
    owner,
    resolve_account,
    without_service,
)
from pipeline.session.workspace_ledger import bind_workspace
from pipeline.system.secrets import Secret
from pipeline.system.workspace import Workspace

KEY = {"OPENAI_API_KEY": "sk-account-0123456789\n"}
OPENAI = Identity("openai", "default", Secret("sk-account-0123456789"))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "user"))
    monkeypatch.chdir(tmp_path)


def options(**overrides: object) -> AccountOptions:
    keys = {key.replace("__", "."): value for key, value in overrides.items()}
    return AccountOptions.of(load_config(None, keys))


def used(provider: str, account: str, *, sent: bool = True) -> Workspace:
    """The default workspace of a provider, bound to an account."""
    workspace = options().place.workspace(provider)
    workspace.create()
    with Ledger(workspace.ledger) as ledger:
        bind_workspace(ledger, Identity(provider, account, None), workspace)
        if sent:
            ledger.database.execute(
                "INSERT INTO shards (id, shard_key, model, state, requests, bytes, prompt_tokens, "
                "created_at) VALUES (1, 'a', 'm', 'CREATING', 1, 1, 1, 0)"
            )
            run = ledger.begin_run("run", 0)
            ledger.reservations.record_unasked(1, 1, Nano(5), Scope(run, 0))
    return workspace


def test_a_key_decides_under_auto() -> None:
    assert identify(options(), KEY) == OPENAI
    assert identify(options(), {}) == Identity("local", "", None)


def test_openai_needs_a_key_and_local_needs_none() -> None:
    with pytest.raises(UsageError, match=r"no API key: set OPENAI_API_KEY .*--provider local"):
        identify(options(provider__name="openai"), {})
    assert identify(options(provider__name="local"), KEY).local


def test_another_variable_or_a_private_file_may_hold_the_key(tmp_path: Path) -> None:
    assert identify(options(provider__key_env="MINE"), {"MINE": "sk-account-0123456789"}) == OPENAI
    path = tmp_path / "key"
    path.write_text("sk-account-0123456789\n")
    path.chmod(0o644)
    with pytest.raises(UsageError, match="chmod 600"):
        identify(options(provider__key_file=str(path)), {})
    path.chmod(0o600)
    assert identify(options(provider__key_file=str(path)), {}) == OPENAI


def test_where_openai_captions_are_a_forgotten_key_is_an_error() -> None:
    used("openai", "default")
    with pytest.raises(UsageError, match="was used with OpenAI, but OPENAI_API_KEY is not set"):
        identify(options(), {})
    assert identify(options(provider__name="local"), {}).local


def test_a_refused_key_alone_locks_nobody_out() -> None:
    """Whoever tried a wrong key first goes on without one: there are no captions to mix."""
    used("openai", "default", sent=False)
    assert identify(options(), {}).local


def test_commands_that_ask_no_service_need_no_key() -> None:
    assert without_service(options(provider__name="openai")).provider == "openai"
    assert without_service(options(provider__name="local")).local
    assert owner(options()).local
    used("openai", "default")
    assert owner(options()).provider == "openai"


def test_a_workspace_that_must_be_there_is_missed() -> None:
    with pytest.raises(UsageError, match="there is no workspace"):
        resolve_account(options(), offline=True, existing=True)
    workspace = used("openai", "default")
    identity, resolved = resolve_account(options(), offline=True, existing=True)
    assert (identity.provider, resolved.root) == ("openai", workspace.root)
