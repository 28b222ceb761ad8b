"""Account that captions, its key, and the workspace of its captions."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from pipeline.config import Config
from pipeline.core.provider_kinds import AUTO, LOCAL, ProviderKind, online_kind, paid_kind
from pipeline.errors import UsageError, about
from pipeline.ledger import Ledger
from pipeline.session.places import WorkspacePlace
from pipeline.system.secrets import Secret, secret_from_environment, secret_from_file
from pipeline.system.workspace import Workspace

BOUND_TO = "provider"  # key in the ledger's meta: the account that a workspace belongs to


class Identity(Struct, frozen=True):
    """Account that captions: the provider's kind, a label, and the key where one is needed."""

    provider: str
    account: str
    key: Secret | None

    @property
    def local(self) -> bool:
        """Tell whether it is the built-in captioner."""
        return self.provider == LOCAL.service


class AccountOptions(Struct, frozen=True):
    """Configuration of the account and its workspace.

    Attributes:
        name: the provider as configured, "auto" is decided by the key.
        paid: the kind of provider whose prices count, unless the local model captions.
        model: for the first line of a run.
        key_env, key_file: where the key is; the file wins.
        account: a label that tells accounts apart.
        place: where its workspace is.
        allow_network: the folder may be on a network file system.
    """

    name: str
    paid: ProviderKind
    model: str
    key_env: str
    key_file: str | None
    account: str
    place: WorkspacePlace
    allow_network: bool

    @classmethod
    def of(cls, config: Config) -> AccountOptions:
        """Take the options from a configuration."""
        provider = config.provider
        return cls(
            name=provider.name,
            paid=paid_kind(provider.name),
            model=provider.model,
            key_env=provider.key_env,
            key_file=provider.key_file,
            account=provider.account,
            place=WorkspacePlace(config.workspace, config.workspace_base, provider.account),
            allow_network=config.allow_network_workspace,
        )

    def over(self, places: Collection[str]) -> AccountOptions:
        """Options for captions of `places`, which decide about the workspace of the samples."""
        return replace(self, place=self.place.over(places))

    @property
    def online(self) -> bool:
        """Tell whether requests are answered at once instead of in batches."""
        return self.paid.online

    def online_only(self) -> AccountOptions:
        """Options for requests that are answered at once."""
        online = online_kind(self.name)
        return replace(self, name=online.name, paid=online)


@about("service")
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
        return Identity(options.paid.service, options.account, key)
    if options.name == AUTO:
        _refuse_fallback(options)
        return Identity(LOCAL.service, "", None)
    raise UsageError(
        f"no API key: set {options.key_env} (or [provider] key_file), or caption with the "
        "built-in local model by --provider local"
    )


def without_service(options: AccountOptions) -> Identity:
    """Identity of a command that only reads and writes files: it needs no key."""
    if options.name == LOCAL.name:
        return Identity(LOCAL.service, "", None)
    return Identity(options.paid.service, options.account, None)


def owner(options: AccountOptions) -> Identity:
    """Identity of a command that reads a workspace and calls no service: it needs no key. With
    "auto" and without a key that is OpenAI's, where there is one."""
    try:
        return identify(options)
    except UsageError:
        return Identity(options.paid.service, options.account, None)


def _refuse_fallback(options: AccountOptions) -> None:
    """Raise where OpenAI captions are: a forgotten key must not mix in local ones. Where a refused
    key was all that was ever tried there are none."""
    workspace = options.place.workspace(options.paid.service)
    if not workspace.exists():
        return
    with Ledger(workspace.ledger, read_only=True) as ledger:
        bound = ledger.get(BOUND_TO) or ""
        sent = ledger.reservations.anything_sent()
    if sent and bound.startswith(options.paid.service):
        raise UsageError(
            f"the workspace {workspace.root} was used with OpenAI, but {options.key_env} "
            "is not set: set it, or caption elsewhere with --provider local --workspace DIR"
        )


def resolve_account(
    options: AccountOptions, *, offline: bool = False, existing: bool = False
) -> tuple[Identity, Workspace]:
    """Identity of a command and its workspace.

    Args:
        offline: no service is needed, and so no key.
        existing: the workspace must be there already.

    Raises:
        UsageError: a key is needed and there is none, or there is no workspace.
    """
    if not offline:
        identity = identify(options)
    else:
        identity = owner(options) if existing else without_service(options)
    place = options.place.existing if existing else options.place.workspace
    return identity, place(identity.provider)
