"""Who captions, for which account, with which key; and that a workspace of one provider is
never used with another."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline.config import Config
from pipeline.errors import UsageError
from pipeline.ledger import Ledger
from pipeline.system.secrets import Secret, secret_from_environment, secret_from_file
from pipeline.system.workspace import Workspace

_BOUND = "provider"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who captions: the provider's kind, the account's label and the key, if one is needed."""

    provider: str
    account: str
    key: Secret | None

    @property
    def local(self) -> bool:
        """True for the built-in captioner."""
        return self.provider == "local"


def identify(config: Config, environment: dict[str, str] | None = None) -> Identity:
    """Choose the provider, by the configuration and the key.

    Raises:
        UsageError: a key is needed and there is none, or it cannot be a key.
    """
    environment = dict(os.environ) if environment is None else environment
    provider = config.provider
    if provider.name == "local":
        return Identity("local", "", None)
    key = (
        secret_from_file(Path(provider.key_file).expanduser())
        if provider.key_file
        else secret_from_environment(provider.key_env, environment)
    )
    if key is not None:
        return Identity("openai", provider.account, key)
    if provider.name == "auto":
        _refuse_fallback(config)
        return Identity("local", "", None)
    raise UsageError(
        f"no API key: set {provider.key_env} (or [provider] key_file), or caption with the "
        "built-in local model by --provider local"
    )


def without_service(config: Config) -> Identity:
    """Whose requests a command is about that only reads and writes files: it needs no key."""
    if config.provider.name == "local":
        return Identity("local", "", None)
    return Identity("openai", config.provider.account, None)


def owner(config: Config) -> Identity:
    """Whose workspace a command is about that asks no service: it needs no key. With "auto" and
    without a key that is OpenAI's, where there is one."""
    try:
        return identify(config)
    except UsageError:
        return Identity("openai", config.provider.account, None)


def _refuse_fallback(config: Config) -> None:
    """Where OpenAI captions are, a forgotten key must not mix in local ones."""
    workspace = workspace_of(config, "openai")
    if not workspace.exists():
        return
    with Ledger(workspace.ledger, read_only=True) as ledger:
        bound = ledger.get(_BOUND) or ""
    if bound.startswith("openai"):
        raise UsageError(
            f"the workspace {workspace.root} was used with OpenAI, but {config.provider.key_env} "
            "is not set: set it, or caption elsewhere with --provider local --workspace DIR"
        )


def workspace_of(config: Config, provider: str) -> Workspace:
    """The workspace folder of a configuration."""
    return Workspace(Path(config.workspace.replace("{provider}", provider)).expanduser())


def announce(identity: Identity, config: Config, say: Callable[[str], None]) -> None:
    """The first line: who captions, and whether it costs money."""
    if identity.local:
        key = config.provider.key_env
        auto = config.provider.name == "auto"
        why, remedy = (f"no {key}: ", f" Set {key} for real captions.") if auto else ("", "")
        say(
            f"LOCAL MODEL ({why}a small built-in classifier captions, free of charge; its captions "
            f"are not OpenAI's).{remedy}"
        )
    else:
        how = "online" if config.provider.name == "openai_online" else "batch"
        say(f"OpenAI {how} captions by {config.provider.model}, account {identity.account!r}")


def bind(ledger: Ledger, identity: Identity, workspace: Workspace) -> None:
    """A workspace belongs to the provider and account that used it first.

    Raises:
        UsageError: that was another one.
    """
    wanted = f"{identity.provider}:{identity.account}"
    bound = ledger.get(_BOUND)
    if bound is None:
        ledger.put(_BOUND, wanted)
    elif bound != wanted:
        raise UsageError(
            f"the workspace {workspace.root} belongs to {bound.rstrip(':')!r}, this run would use "
            f"{wanted.rstrip(':')!r}: captions of different providers are never mixed; name "
            "another one with --workspace"
        )
