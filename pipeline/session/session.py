"""A session: a workspace opened for one command, with its ledger, lock and service."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.config import Config
from pipeline.ledger import Ledger
from pipeline.providers.base import OPENAI, BatchOptions, BatchService
from pipeline.providers.offline import Offline
from pipeline.session import settings
from pipeline.session.account import (
    Identity,
    announce,
    bind,
    identify,
    owner,
    without_service,
    workspace_of,
)
from pipeline.stages.context import StageContext
from pipeline.stages.online.settle import close_left_open
from pipeline.system.clock import Clock
from pipeline.system.files import remove
from pipeline.system.run_log import RunLog, drop_old, log_path
from pipeline.system.secrets import Secret
from pipeline.system.signals import Stopper
from pipeline.system.workspace import Workspace, require_local

__all__ = ["Identity", "Session", "identify", "open_session", "workspace_of"]


LOCAL_KEY = "local"  # the built-in server takes any key


@dataclass(frozen=True, slots=True)
class Session:
    """An open workspace."""

    config: Config
    identity: Identity
    workspace: Workspace
    ledger: Ledger
    context: StageContext
    stopper: Stopper
    clock: Clock
    log: RunLog
    offline: bool = False

    @property
    def table(self) -> Path:
        """Where the Parquet table goes: as configured, else into the workspace."""
        named = self.config.output.parquet
        return Path(named).expanduser() if named else self.workspace.table

    @property
    def online(self) -> bool:
        """True when requests are answered at once instead of in batches."""
        return self.config.provider.name == "openai_online"

    @property
    def rejects(self) -> Path:
        """Where the list of rejects goes: as configured, else into the workspace."""
        named = self.config.output.rejects
        return Path(named).expanduser() if named else self.workspace.rejects


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
        dialect=provider.dialect,
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
    with (
        reached_at(options, identity, workspace.server) as reached,
        contextlib.closing(OpenAIBatches(reached)) as service,
    ):
        yield service


@contextlib.contextmanager
def reached_at(options: BatchOptions, identity: Identity, state: Path) -> Iterator[BatchOptions]:
    """How the service is really reached: the built-in one is started, with its state in `state`,
    and stopped afterwards."""
    if not identity.local:
        yield options
        return
    from pipeline.server.embedded import embedded_server

    with embedded_server(state) as base_url:
        yield replace(options, base_url=base_url, extra_headers={})


@contextlib.contextmanager
def open_session(
    config: Config,
    command: str,
    say: Callable[[str], None],
    *,
    offline: bool = False,
    existing: bool = False,
    building: Path | None = None,
    clock: Clock | None = None,
    stopper: Stopper | None = None,
) -> Iterator[Session]:
    """Open, lock and bind the workspace; start what is needed; record the run.

    Args:
        offline: no service is needed, and so no key.
        existing: the workspace must be there already.
        building: the file that a lost ledger is rebuilt in, begun anew.

    Raises:
        UsageError, Busy, StorageError, BooksError: see the error tree.
    """
    clock, stopper = clock or Clock(), stopper or Stopper()
    identity = _identity(config, offline=offline, existing=existing)
    workspace = workspace_of(config, identity.provider)
    if existing:
        workspace.require()
    with contextlib.ExitStack() as stack:
        ledger = stack.enter_context(_open_ledger(config, identity, workspace, building, say))
        run, log = _begin_run(config, identity, workspace, ledger, command, clock)
        say = _logged(say, log)
        stack.enter_context(stopper.listening())
        service: BatchService = Offline()
        if not offline:
            announce(identity, config, say)
            service = stack.enter_context(open_service(config, identity, workspace))
        context = StageContext(ledger, service, workspace, clock, run, say=say, note=log.write,
                    stopping=stopper.stopping, sleep=stopper.sleep)  # fmt: skip
        context = _under_rules(context, config, local=identity.local)
        close_left_open(context)
        yield Session(config, identity, workspace, ledger, context, stopper, clock, log, offline)


@contextlib.contextmanager
def _open_ledger(
    config: Config,
    identity: Identity,
    workspace: Workspace,
    building: Path | None,
    say: Callable[[str], None],
) -> Iterator[Ledger]:
    """The workspace's ledger, made, locked and bound to who captions in it."""
    warning = require_local(workspace.root, allow_network=config.allow_network_workspace)
    if warning:
        say(warning)
    workspace.create(rebuilding=building is not None)
    with workspace.lock():
        workspace.sweep()
        if building is not None:
            _begin_anew(building)
        with Ledger(building or workspace.ledger) as ledger:
            bind(ledger, identity, workspace)
            workspace.remember_id(ledger.workspace_id(workspace.known_id()))
            yield ledger


def _begin_anew(building: Path) -> None:
    """Remove what a rebuild left that was killed."""
    for path in building.parent.glob(f"{building.name}*"):
        remove(path)


def _identity(config: Config, *, offline: bool, existing: bool) -> Identity:
    if not offline:
        return identify(config)
    return owner(config) if existing else without_service(config)


def _begin_run(
    config: Config,
    identity: Identity,
    workspace: Workspace,
    ledger: Ledger,
    command: str,
    clock: Clock,
) -> tuple[int, RunLog]:
    """The run's number and its log; the oldest logs go."""
    run = ledger.begin_run(command, clock.now())
    secrets = service_options(config, identity).secrets() if identity.key else ()
    drop_old(workspace.logs, config.log.keep - 1)
    path = log_path(workspace.logs, run)
    log = RunLog(path, clock.now, level=config.log.level, secrets=secrets)
    log.write("run.began", run=run, command=command, account=identity.account)
    return run, log


def _logged(say: Callable[[str], None], log: RunLog) -> Callable[[str], None]:
    """`say`, with a copy in the log."""

    def both(text: str) -> None:
        say(text)
        log.write("said", text=text)

    return both


def _under_rules(context: StageContext, config: Config, *, local: bool) -> StageContext:
    """The desk with the configuration's caps, limits and patience."""
    batch = config.batch
    return replace(
        context,
        caps=settings.caps(config),
        patience=settings.patience(config),
        rules=settings.rules(config),
        queue_limit=batch.enqueued_token_limit,
        queue_guess=settings.queue_guess(config, local=local),
        creates_per_hour=batch.creates_per_hour,
        keep_raw=batch.keep_raw,
        keep_shards=batch.keep_shards,
        delete_remote=batch.delete_remote_files,
    )
