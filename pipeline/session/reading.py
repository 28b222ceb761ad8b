"""Session of a command that writes nothing into the workspace, also where nothing can be."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from pipeline.ledger import Ledger
from pipeline.providers.offline import Offline
from pipeline.records import Say
from pipeline.review.edits import Edits
from pipeline.session.account import resolve_account
from pipeline.session.session import Session, open_session
from pipeline.session.settings import RunSettings
from pipeline.stages.context import StageContext
from pipeline.system.clock import Clock
from pipeline.system.run_log import RunLog, log_path


@contextlib.contextmanager
def open_to_read(settings: RunSettings, command: str, say: Say) -> Iterator[Session]:
    """Open an existing workspace as `open_session` does; of one that cannot be written (a
    read-only mount, a snapshot) a private copy of the ledger is read.

    Raises:
        UsageError, Busy, StorageError, BooksError: see the error tree.
    """
    identity, workspace = resolve_account(settings.account, offline=True, existing=True)
    if workspace.writable():
        with open_session(settings, command, say, offline=True, existing=True) as session:
            yield session
        return
    say(f"{workspace.root} cannot be written: a copy of its ledger is read")
    clock = Clock()
    with (
        workspace.lock(reading=True),
        Ledger(workspace.ledger, private=True) as ledger,
        Edits(workspace.reviews, read_only=True) as edits,
    ):
        context = StageContext(ledger, Offline(), workspace, clock, run=0, say=say)
        log = RunLog(log_path(workspace.logs, 0), clock.now)
        yield Session(settings, identity, workspace, ledger, context, clock, log, edits, True)
