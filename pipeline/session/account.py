"""Who captions, for which account, with which key; and that a workspace of one provider is
never used with another."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.config import Config
from pipeline.core.provider_kinds import AUTO, LOCAL, online_kind, paid_kind
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
        return self.provider == LOCAL.service


@dataclass(frozen=True, slots=True)
class AccountOptions:
    """Configuration of who captions, and where their workspace is.

    Attributes:
        name: the provider as configured, "auto" is decided by the key.
        model: for the first line of a run.
        key_env, key_file: where the key is; the file wins.
        account: a label that tells accounts apart.
        workspace: its folder, with "{provider}" for the provider's kind.
        allow_network: the folder may be on a network file system.
    """

    name: str
    model: str
    key_env: str
    key_file: str | None
    account: str
    workspace: str
    allow_network: bool

    @classmethod
    def of(cls, config: Config) -> AccountOptions:
        """The part of a configuration that says who captions."""
        provider = config.provider
        return cls(
            name=provider.name,
            model=provider.model,
            key_env=provider.key_env,
            key_file=provider.key_file,
            account=provider.account,
            workspace=config.workspace,
            allow_network=config.allow_network_workspace,
        )

    @property
    def online(self) -> bool:
        """True when requests are answered at once instead of in batches."""
        return paid_kind(self.name).online

    def online_only(self) -> AccountOptions:
        """The same account, asked online."""
        return replace(self, name=online_kind(self.name).name)


def identify(options: AccountOptions, environment: dict[str, str] | None = None) -> Identity:
    """Choose the provider, by the configuration and the key.

    Raises:
        UsageError: a key is needed and there is none, or it cannot be a key.
    """
    environment = dict(os.environ) if environment is None else environment
    if options.name == LOCAL.name:
        return Identity(LOCAL.service, "", None)
    key = (
        secret_from_file(Path(options.key_file).expanduser())
        if options.key_file
        else secret_from_environment(options.key_env, environment)
    )
    if key is not None:
        return Identity(paid_kind(options.name).service, options.account, key)
    if options.name == AUTO:
        _refuse_fallback(options)
        return Identity(LOCAL.service, "", None)
    raise UsageError(
        f"no API key: set {options.key_env} (or [provider] key_file), or caption with the "
        "built-in local model by --provider local"
    )


def without_service(options: AccountOptions) -> Identity:
    """Whose requests a command is about that only reads and writes files: it needs no key."""
    if options.name == LOCAL.name:
        return Identity(LOCAL.service, "", None)
    return Identity(paid_kind(options.name).service, options.account, None)


def owner(options: AccountOptions) -> Identity:
    """Whose workspace a command is about that asks no service: it needs no key. With "auto" and
    without a key that is OpenAI's, where there is one."""
    try:
        return identify(options)
    except UsageError:
        return Identity(paid_kind(options.name).service, options.account, None)


def _refuse_fallback(options: AccountOptions) -> None:
    """Where OpenAI captions are, a forgotten key must not mix in local ones."""
    workspace = workspace_of(options, paid_kind(AUTO).service)
    if not workspace.exists():
        return
    with Ledger(workspace.ledger, read_only=True) as ledger:
        bound = ledger.get(_BOUND) or ""
    if bound.startswith(paid_kind(AUTO).service):
        raise UsageError(
            f"the workspace {workspace.root} was used with OpenAI, but {options.key_env} "
            "is not set: set it, or caption elsewhere with --provider local --workspace DIR"
        )


def workspace_of(options: AccountOptions, provider: str) -> Workspace:
    """The workspace folder of a configuration."""
    return Workspace(Path(options.workspace.replace("{provider}", provider)).expanduser())


def announce(identity: Identity, options: AccountOptions, say: Callable[[str], None]) -> None:
    """The first line: who captions, and whether it costs money."""
    if identity.local:
        key = options.key_env
        auto = options.name == AUTO
        why, remedy = (f"no {key}: ", f" Set {key} for real captions.") if auto else ("", "")
        say(
            f"LOCAL MODEL ({why}a small built-in classifier captions, free of charge; its captions "
            f"are not OpenAI's).{remedy}"
        )
    else:
        how = "online" if options.online else "batch"
        title = paid_kind(options.name).title
        say(f"{title} {how} captions by {options.model}, account {identity.account!r}")


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
