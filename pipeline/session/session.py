"""A session: a workspace opened for one command, with its ledger, lock and service."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.core.provider_kinds import LOCAL
from pipeline.ledger import Ledger
from pipeline.providers import SERVICES
from pipeline.providers.base import BatchOptions, BatchService
from pipeline.providers.offline import Offline
from pipeline.session.account import (
    Identity,
    announce,
    bind,
    identify,
    owner,
    without_service,
    workspace_of,
)
from pipeline.session.settings import RunSettings
from pipeline.session.spec import NO_CHANGE, CaptionSpec, SpecChange
from pipeline.stages.context import StageContext
from pipeline.stages.online.settle import close_left_open
from pipeline.system.clock import Clock
from pipeline.system.files import remove
from pipeline.system.run_log import RunLog, drop_old, log_path
from pipeline.system.secrets import Secret
from pipeline.system.signals import Stopper
from pipeline.system.workspace import Workspace, require_local

__all__ = ["Identity", "Session", "identify", "open_session", "workspace_of"]


LOCAL_KEY = LOCAL.name  # the built-in server takes any key


@dataclass(frozen=True, slots=True)
class Session:
    """An open workspace."""

    settings: RunSettings
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
        return self.settings.output.table or self.workspace.table

    @property
    def online(self) -> bool:
        """True when requests are answered at once instead of in batches."""
        return self.settings.account.online

    @property
    def rejects(self) -> Path:
        """Where the list of rejects goes: as configured, else into the workspace."""
        return self.settings.output.rejects or self.workspace.rejects

    def build_spec(self, change: SpecChange = NO_CHANGE) -> CaptionSpec:
        """What is asked of the configured model, calibrated by the bills so far.

        Raises:
            UsageError: the model is not served at the endpoint, or not with this detail or size.
        """
        return self.settings.specs.build(
            local=self.identity.local,
            account=self.identity.account,
            now=self.clock.now(),
            change=change,
            calibrations=self.ledger.answers.calibration(),
        )


def service_options(settings: RunSettings, identity: Identity) -> BatchOptions:
    """How the service is reached."""
    return settings.service(identity.key or Secret(LOCAL_KEY))


@contextlib.contextmanager
def open_service(
    settings: RunSettings, identity: Identity, workspace: Workspace
) -> Iterator[BatchService]:
    """The batch service; the built-in server is started for it and stopped after it."""
    options = service_options(settings, identity)
    with (
        reached_at(options, identity, workspace.server) as reached,
        contextlib.closing(SERVICES[identity.provider].batches(reached)) as service,
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
    settings: RunSettings,
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
    identity = _identity(settings, offline=offline, existing=existing)
    workspace = workspace_of(settings.account, identity.provider)
    if existing:
        workspace.require()
    with contextlib.ExitStack() as stack:
        ledger = stack.enter_context(_open_ledger(settings, identity, workspace, building, say))
        run, log = _begin_run(settings, identity, workspace, ledger, command, clock)
        say = _logged(say, log)
        stack.enter_context(stopper.listening())
        service: BatchService = Offline()
        if not offline:
            announce(identity, settings.account, say)
            service = stack.enter_context(open_service(settings, identity, workspace))
        context = StageContext(ledger, service, workspace, clock, run, say=say, note=log.write,
                    stopping=stopper.stopping, sleep=stopper.sleep,
                    wire_format=SERVICES[identity.provider].wire_format)  # fmt: skip
        context = _under_rules(context, settings, local=identity.local)
        close_left_open(context)
        yield Session(settings, identity, workspace, ledger, context, stopper, clock, log, offline)


@contextlib.contextmanager
def _open_ledger(
    settings: RunSettings,
    identity: Identity,
    workspace: Workspace,
    building: Path | None,
    say: Callable[[str], None],
) -> Iterator[Ledger]:
    """The workspace's ledger, made, locked and bound to who captions in it."""
    warning = require_local(workspace.root, allow_network=settings.account.allow_network)
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


def _identity(settings: RunSettings, *, offline: bool, existing: bool) -> Identity:
    if not offline:
        return identify(settings.account)
    return owner(settings.account) if existing else without_service(settings.account)


def _begin_run(
    settings: RunSettings,
    identity: Identity,
    workspace: Workspace,
    ledger: Ledger,
    command: str,
    clock: Clock,
) -> tuple[int, RunLog]:
    """The run's number and its log; the oldest logs go."""
    run = ledger.begin_run(command, clock.now())
    secrets = service_options(settings, identity).secrets() if identity.key else ()
    drop_old(workspace.logs, settings.log_keep - 1)
    path = log_path(workspace.logs, run)
    log = RunLog(path, clock.now, level=settings.log_level, secrets=secrets)
    log.write("run.began", run=run, command=command, account=identity.account)
    return run, log


def _logged(say: Callable[[str], None], log: RunLog) -> Callable[[str], None]:
    """`say`, with a copy in the log."""

    def both(text: str) -> None:
        say(text)
        log.write("said", text=text)

    return both


def _under_rules(context: StageContext, settings: RunSettings, *, local: bool) -> StageContext:
    """The desk with the configuration's caps, limits and patience."""
    batch = settings.batch
    return replace(
        context,
        caps=settings.caps,
        patience=settings.patience,
        rules=settings.retry,
        queue_limit=batch.queue_limit,
        queue_guess=(lambda _model: None) if local else batch.queue_guess,
        creates_per_hour=batch.creates_per_hour,
        keep_raw=batch.keep_raw,
        keep_shards=batch.keep_shards,
        delete_remote=batch.delete_remote,
    )
