"""A session: a workspace opened for one command, with its ledger, lock and service.

The one place that decides who captions, and that a workspace of one provider is never used with
another.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline import wiring
from pipeline.clock import Clock
from pipeline.config import Config
from pipeline.errors import UsageError
from pipeline.ledger import Ledger
from pipeline.providers.base import OPENAI, BatchOptions, BatchService
from pipeline.secrets import Secret, secret_from_environment, secret_from_file
from pipeline.stages.desk import Desk
from pipeline.stopping import Stopper
from pipeline.workspace import Workspace, require_local

LOCAL_KEY = "local"  # the built-in server takes any key
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


@dataclass(frozen=True, slots=True)
class Session:
    """An open workspace."""

    config: Config
    identity: Identity
    workspace: Workspace
    ledger: Ledger
    desk: Desk
    stopper: Stopper
    clock: Clock


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


def service_options(config: Config, identity: Identity) -> BatchOptions:
    """How the service is reached."""
    provider = config.provider
    base_url = provider.base_url or os.environ.get("OPENAI_BASE_URL") or OPENAI
    return BatchOptions(
        api_key=identity.key or Secret(LOCAL_KEY),
        base_url=base_url,
        organization=provider.organization,
        project=provider.project,
        endpoint=provider.endpoint,
        completion_window=provider.completion_window,
        batch_purpose=provider.batch_purpose,
        upload_expires_after=config.batch.upload_expires_after or None,
        extra_headers=provider.headers,
    )


@contextlib.contextmanager
def open_service(
    config: Config, identity: Identity, workspace: Workspace
) -> Iterator[BatchService]:
    """The batch service; the built-in server is started for it and stopped after it."""
    from pipeline.providers.openai_batch import OpenAIBatches

    options = service_options(config, identity)
    with contextlib.ExitStack() as stack:
        if identity.local:
            from pipeline.server.embedded import embedded_server

            base_url = stack.enter_context(embedded_server(workspace.server))
            options = replace(options, base_url=base_url, extra_headers={})
        service = OpenAIBatches(options)
        stack.callback(service.close)
        yield service


@contextlib.contextmanager
def open_session(
    config: Config,
    command: str,
    say: Callable[[str], None],
    *,
    clock: Clock | None = None,
    stopper: Stopper | None = None,
) -> Iterator[Session]:
    """Open, lock and bind the workspace; start what is needed; record the run.

    Raises:
        UsageError, Busy, StorageError, BooksError: see the error tree.
    """
    clock, stopper = clock or Clock(), stopper or Stopper()
    identity = identify(config)
    workspace = workspace_of(config, identity.provider)
    with contextlib.ExitStack() as stack:
        warning = require_local(workspace.root, allow_network=config.allow_network_workspace)
        if warning:
            say(warning)
        workspace.create()
        stack.enter_context(workspace.lock())
        ledger = stack.enter_context(Ledger(workspace.ledger))
        _bind(ledger, identity, workspace)
        announce(identity, config, say)
        stack.enter_context(stopper.listening(say))
        service = stack.enter_context(open_service(config, identity, workspace))
        run = ledger.begin_run(command, clock.now())
        desk = Desk(
            ledger=ledger,
            service=service,
            workspace=workspace,
            clock=clock,
            run=run,
            caps=wiring.caps(config),
            patience=wiring.patience(config),
            rules=wiring.rules(config),
            queue_limit=config.batch.enqueued_token_limit,
            queue_guess=wiring.queue_guess(config, local=identity.local),
            creates_per_hour=config.batch.creates_per_hour,
            keep_raw=config.batch.keep_raw,
            keep_shards=config.batch.keep_shards,
            delete_remote=config.batch.delete_remote_files,
            say=say,
            stopping=stopper.stopping,
            sleep=stopper.sleep,
        )
        yield Session(config, identity, workspace, ledger, desk, stopper, clock)


def announce(identity: Identity, config: Config, say: Callable[[str], None]) -> None:
    """The first line: who captions, and whether it costs money."""
    if identity.local:
        name = "no OPENAI_API_KEY: " if config.provider.name == "auto" else ""
        say(
            f"LOCAL MODEL ({name}a small built-in classifier captions, free of charge; "
            f"its captions are not OpenAI's). Set {config.provider.key_env} for real captions."
        )
    else:
        say(f"OpenAI batch captions by {config.provider.model}, account {identity.account!r}")


def _bind(ledger: Ledger, identity: Identity, workspace: Workspace) -> None:
    """A workspace belongs to the provider and account that used it first."""
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
