"""Service of a session: reached as configured, or the built-in server."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.core.provider_kinds import AUTO, LOCAL
from pipeline.providers import online_of, provider_of
from pipeline.providers.base import BatchOptions, BatchService
from pipeline.session.account import AccountOptions, Identity
from pipeline.session.settings import RunSettings
from pipeline.system.secrets import Secret
from pipeline.system.workspace import Workspace

UNNAMED = "default"
"""Label of an account that nobody named."""

LOCAL_KEY = LOCAL.name  # the built-in server takes any key


def service_options(settings: RunSettings, identity: Identity) -> BatchOptions:
    """Options that reach the service with the identity's key."""
    return settings.service(identity.key or Secret(LOCAL_KEY))


@contextlib.contextmanager
def open_service(
    settings: RunSettings, identity: Identity, workspace: Workspace, say: Callable[[str], None]
) -> Iterator[BatchService]:
    """Open the batch service and say who captions; the built-in server is started for it and
    stopped after it."""
    options = service_options(settings, identity)
    if settings.account.online:
        online_of(identity.provider)  # raises before anything is done where there is none
    announce(identity, settings.account, say, urlsplit(options.base_url).netloc)
    with (
        reached_at(options, identity, workspace.server) as reached,
        contextlib.closing(provider_of(identity.provider).batches(reached)) as service,
    ):
        yield service


@contextlib.contextmanager
def reached_at(options: BatchOptions, identity: Identity, state: Path) -> Iterator[BatchOptions]:
    """Yield the options of a service that runs: the built-in one is started, with its state in
    `state`, and stopped afterwards."""
    if not identity.local:
        yield options
        return
    from pipeline.server.embedded import embedded_server

    with embedded_server(state) as base_url:
        yield replace(options, base_url=base_url, extra_headers={})


def announce(
    identity: Identity, options: AccountOptions, say: Callable[[str], None], host: str
) -> None:
    """Say who captions and where, and whether it costs money; the account when it has a name."""
    if identity.local:
        key = options.key_env
        auto = options.name == AUTO
        why, remedy = (f"no {key}: ", f" Set {key} for real captions.") if auto else ("", "")
        say(
            f"LOCAL MODEL ({why}a small built-in model captions, free of charge; its captions "
            f"are not OpenAI's).{remedy}"
        )
    else:
        how = "online" if options.online else "batch"
        whose = f", account {identity.account!r}" if identity.account != UNNAMED else ""
        say(f"{options.paid.title} {how} captions by {options.model} at {host}{whose}")
