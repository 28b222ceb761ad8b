"""Number and log of a run."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.ledger import Ledger
from pipeline.session.account import Identity
from pipeline.session.settings import RunSettings
from pipeline.system.clock import Clock
from pipeline.system.run_log import RunLog, drop_old, log_path
from pipeline.system.workspace import Workspace


def begin_run(
    settings: RunSettings,
    identity: Identity,
    workspace: Workspace,
    ledger: Ledger,
    command: str,
    clock: Clock,
) -> tuple[int, RunLog]:
    """Number the run and begin its log; the oldest logs go."""
    run = ledger.begin_run(command, clock.now())
    secrets = settings.service(identity.key).secrets() if identity.key else ()
    collects = ledger.collecting_runs()
    drop_old(workspace.logs, settings.log_keep, clock.now(), collects, current=run)
    path = log_path(workspace.logs, run)
    log = RunLog(path, clock.now, level=settings.log_level, secrets=secrets)
    log.write("run.began", run=run, command=command, account=identity.account)
    return run, log


def with_log(say: Callable[[str], None], log: RunLog) -> Callable[[str], None]:
    """Function that calls `say` and copies the sentence into the log."""

    def both(text: str) -> None:
        say(text)
        log.write("said", text=text)

    return both
