"""Sources of a workspace by name: which there are, which are forgotten, which are one."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from pipeline.config import Config
from pipeline.core.stored_address import scheme_of
from pipeline.errors import UsageError
from pipeline.ledger import Ledger
from pipeline.ledger.known_sources import KnownSource
from pipeline.records import Say
from pipeline.session.account import resolve_account
from pipeline.session.finish import export_all
from pipeline.session.session import Session, open_session
from pipeline.session.settings import RunSettings
from pipeline.sources import to_text
from pipeline.sources.bucket import bucket_locator
from pipeline.stages.export import WRITTEN
from pipeline.stages.table_facts import STALE
from pipeline.storage.listing import list_keys
from pipeline.storage.place import OBJECT_SCHEMES, Place
from pipeline.storage.settings import StorageSettings


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
        with session.ledger.sources.changing():
            session.ledger.sources.forget(source.row)
            return _expect_rows(session)


def move_source(config: Config, old: str, new: str, say: Say) -> int:
    """Make one source of two, or give a source its new place; gives the table's rows.

    Args:
        new: the name of the other source, a path, or the address of a bucket's prefix.

    Raises:
        UsageError: no source is called `old`, or `new` is neither a source of the same kind nor a
            place where one of that kind may be.
    """
    with _opened(RunSettings.of(config), "sources moved", say) as session:
        known = session.ledger.sources
        source = known.named(old)
        location = _location(new)
        target = _target(known.all(), new, location)
        if target is not None and (target.row == source.row or target.kind != source.kind):
            raise UsageError(f"{old} and {new} are no two sources of one kind")
        if target is None:
            _require_place(source, new, location, session.settings.engine.storage)
        with known.changing():
            if target is None:
                known.move(source.row, location, source.name)
            else:
                known.join(source.row, target.row)
            return _expect_rows(session)


@contextlib.contextmanager
def _opened(settings: RunSettings, command: str, say: Say) -> Iterator[Session]:
    """Workspace; its table is written anew afterwards."""
    with open_session(settings, command, say, offline=True, existing=True) as session:
        yield session
        export_all(session, force=True)


def _location(new: str) -> str:
    """Location of a source at a path or an address."""
    if scheme_of(new) in OBJECT_SCHEMES:
        return bucket_locator(Place.parse(new))
    return to_text(os.path.realpath(new))


def _target(known: list[KnownSource], new: str, location: str) -> KnownSource | None:
    """Source of that name or location."""
    by_name = [source for source in known if source.name == new]
    return next(iter(by_name or [source for source in known if source.location == location]), None)


def _require_place(source: KnownSource, new: str, location: str, storage: StorageSettings) -> None:
    """Require that a source of this kind may be at a place.

    Raises:
        UsageError: there is nothing, or it is of another kind.
    """
    is_stored = scheme_of(new) in OBJECT_SCHEMES
    if not is_stored and not Path(new).exists():
        raise UsageError(f"{new} is neither the name of a source nor a path that exists")
    if is_stored != (source.kind == "bucket"):
        raise UsageError(f"{source.name} is a {source.kind}, and {new} is none")
    if is_stored:
        place = Place.parse(location)
        prefix = f"{place.key}/" if place.key else ""
        with contextlib.closing(list_keys(place, storage, prefix)) as keys:
            if next(keys, None) is None:
                raise UsageError(f"{new} is neither the name of a source nor has it any object")


def _expect_rows(session: Session) -> int:
    """Write into the books how many rows the table will have, at least: only other losses are
    errors. Until it is written it has those that it had."""
    ledger = session.ledger
    rows = ledger.rows.all_images()
    if written := json.loads(ledger.get(WRITTEN) or "null"):
        ledger.put(WRITTEN, json.dumps({**written, "least": rows}))
    ledger.put(STALE, "1")
    return rows
