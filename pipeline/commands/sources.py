"""Sources of a workspace by name: which there are, which are forgotten, which are one."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from pipeline.config import Config
from pipeline.errors import UsageError
from pipeline.ledger import Ledger
from pipeline.ledger.known_sources import KnownSource
from pipeline.records import Say
from pipeline.session.account import resolve_account
from pipeline.session.finish import export_all
from pipeline.session.session import Session, open_session
from pipeline.session.settings import RunSettings
from pipeline.sources import to_text
from pipeline.stages.export import WRITTEN
from pipeline.stages.table_facts import STALE


def sources(config: Config) -> list[KnownSource]:
    """List the sources of a workspace, also while another process works in it.

    Raises:
        UsageError: there is no workspace yet.
    """
    settings = RunSettings.of(config)
    _, workspace = resolve_account(settings.account, offline=True, existing=True)
    with Ledger(workspace.ledger, read_only=True) as ledger:
        return ledger.sources.all()


def forget_source(config: Config, name: str, say: Say) -> int:
    """Take a source's rows out of the table, not out of the books; gives the table's rows.

    Raises:
        UsageError: no source has that name.
    """
    with _opened(RunSettings.of(config), "sources forget", say) as session:
        source = session.ledger.sources.named(name)
        with session.ledger.database.transaction("sources"):
            session.ledger.sources.forget(source.row)
            return _expect_rows(session)


def move_source(config: Config, old: str, new: str, say: Say) -> int:
    """Make one source of two, or give a source its new place; gives the table's rows.

    Args:
        new: the name of the other source, or a path.

    Raises:
        UsageError: no source is called `old`, or `new` is neither a source of the same kind nor a
            path.
    """
    with _opened(RunSettings.of(config), "sources moved", say) as session:
        known, ledger = session.ledger.sources, session.ledger
        source = known.named(old)
        target = _target(known.all(), new)
        if target is not None and (target.row == source.row or target.kind != source.kind):
            raise UsageError(f"{old} and {new} are no two sources of one kind")
        if target is None and not Path(new).exists():
            raise UsageError(f"{new} is neither the name of a source nor a path that exists")
        with ledger.database.transaction("sources"):
            if target is None:
                known.move(source.row, to_text(os.path.realpath(new)), source.name)
            else:
                known.join(source.row, target.row)
            return _expect_rows(session)


@contextlib.contextmanager
def _opened(settings: RunSettings, command: str, say: Say) -> Iterator[Session]:
    """Workspace; its table is written anew afterwards."""
    with open_session(settings, command, say, offline=True, existing=True) as session:
        yield session
        export_all(session, force=True)


def _target(known: list[KnownSource], new: str) -> KnownSource | None:
    """Source of that name or place."""
    place = to_text(os.path.realpath(new))
    by_name = [source for source in known if source.name == new]
    return next(iter(by_name or [source for source in known if source.location == place]), None)


def _expect_rows(session: Session) -> int:
    """Write into the books how many rows the table will have: only other losses are errors."""
    ledger = session.ledger
    rows = ledger.rows.all_images()
    if written := json.loads(ledger.get(WRITTEN) or "null"):
        ledger.put(WRITTEN, json.dumps({**written, "rows": rows}))
    ledger.put(STALE, "1")
    return rows
