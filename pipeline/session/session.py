"""Session: a workspace opened for one command, with its ledger, lock and service."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from pipeline.ledger import Ledger
from pipeline.providers import provider_of
from pipeline.providers.base import BatchService
from pipeline.providers.offline import Offline
from pipeline.review.edits import Edits
from pipeline.session.account import Identity, resolve_account
from pipeline.session.caps import remember_cap
from pipeline.session.repeated_tokens import RepeatedTokens
from pipeline.session.run_log import begin_run, with_log
from pipeline.session.service import open_service
from pipeline.session.settings import RunSettings
from pipeline.session.spec import CaptionSpec
from pipeline.session.spec_factory import NO_CHANGE, SpecChange
from pipeline.session.workspace_ledger import open_ledger
from pipeline.stages.context import StageContext
from pipeline.stages.online.settle import close_left_open
from pipeline.stages.whole_endings import take_declared
from pipeline.system.clock import Clock
from pipeline.system.run_log import RunLog
from pipeline.system.signals import Stopper
from pipeline.system.workspace import Workspace

if TYPE_CHECKING:
    from pipeline.engines.workers import WorkersWatch


class Session(Struct, frozen=True):
    """Open workspace of one command."""

    settings: RunSettings
    identity: Identity
    workspace: Workspace
    ledger: Ledger
    context: StageContext
    clock: Clock
    log: RunLog
    edits: Edits
    offline: bool = False

    @property
    def table(self) -> Path:
        """Path of the Parquet table: as configured, else in the workspace."""
        return self.settings.output.table or self.workspace.table

    @property
    def online(self) -> bool:
        """Tell whether requests are answered at once instead of in batches."""
        return self.settings.account.online

    @property
    def rejects(self) -> Path:
        """Path of the list of rejects: as configured, else in the workspace."""
        return self.settings.output.rejects or self.workspace.rejects

    def build_spec(self, change: SpecChange = NO_CHANGE) -> CaptionSpec:
        """Build the spec of the configured model, calibrated by the bills so far.

        Raises:
            UsageError: the model is not served at the endpoint, or not with this detail or size.
        """
        return self.settings.specs.build(
            local=self.identity.local,
            account=self.identity.account,
            now=self.clock.now(),
            change=change,
            calibrations=self.ledger.answers.calibration(),
            counter=RepeatedTokens(self.ledger).counter,
        )


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
    identity, workspace = resolve_account(settings.account, offline=offline, existing=existing)
    settings.output.check_places(workspace)
    with contextlib.ExitStack() as stack:
        ledger = stack.enter_context(open_ledger(settings, identity, workspace, building, say))
        stack.enter_context(stopper.listening())
        if settings.budget.lifetime_on_command_line:
            remember_cap(ledger, workspace, settings.budget.caps.lifetime)
        settings = settings.with_remembered_cap(ledger, workspace)
        run, log = begin_run(settings, identity, workspace, ledger, command, clock)
        say = with_log(say, log)
        service: BatchService = Offline()
        if not offline:
            service = stack.enter_context(open_service(settings, identity, workspace, say))
        context = StageContext(ledger, service, workspace, clock, run, say=say, note=log.write,
                    stopping=stopper.stopping, sleep=stopper.sleep,
                    wire_format=provider_of(identity.provider).wire_format)  # fmt: skip
        context = _under_rules(context, settings, local=identity.local)
        if settings.mirror and not offline:
            context = _mirrored(stack, context, settings, rebuilding=building is not None)
        _take_in(context, settings)
        edits = stack.enter_context(Edits(workspace.reviews))
        settings = _watched(settings, context)
        yield Session(settings, identity, workspace, ledger, context, clock, log, edits, offline)


def _watched(settings: RunSettings, context: StageContext) -> RunSettings:
    """Settings whose engines show the workers of a cluster in the workspace."""

    def watch() -> WorkersWatch:
        from pipeline.session.workers import watch_workers

        path = context.workspace.workers
        return watch_workers(path, context.say, context.check_stop, context.clock)

    return replace(settings, engine=settings.engine.watched(watch))


def _take_in(context: StageContext, settings: RunSettings) -> None:
    """Take in what the last command left, and what the configuration declares."""
    context.ledger.due.note()
    close_left_open(context)
    if settings.declares_endings:
        take_declared(context)


def _mirrored(
    stack: contextlib.ExitStack, context: StageContext, settings: RunSettings, *, rebuilding: bool
) -> StageContext:
    """Context whose workspace is kept in its mirror, until the stack ends."""
    from pipeline.session.mirror import Mirror
    from pipeline.session.run_mirror import RunMirror, kept_in

    objects = Mirror(settings.mirror, settings.engine.storage)
    mirror = RunMirror(objects, context.ledger, context.workspace, context.clock)
    mirror.begin(rebuilding=rebuilding)
    stack.enter_context(kept_in(mirror, context.say))
    return replace(context, mirror=mirror)


def _under_rules(context: StageContext, settings: RunSettings, *, local: bool) -> StageContext:
    """Context with the configuration's caps, limits and patience."""
    batch = settings.batch
    return replace(
        context,
        caps=settings.budget.caps,
        patience=settings.patience,
        rules=settings.retry,
        queue_limit=batch.queue_limit,
        queue_guess=(lambda _model: None) if local else batch.queue_guess,
        creates_per_hour=batch.creates_per_hour,
        whole_endings=settings.whole_endings,
        keep_raw=batch.keep_raw,
        keep_shards=batch.keep_shards,
        delete_remote=batch.delete_remote,
    )
