"""Rebuilding of a lost ledger, from shards, raw answers and what the service still has.

The new ledger is built beside the old one's place and takes it only when it is complete: a rebuild
that is killed is simply run again.
"""

from __future__ import annotations

import filecmp
import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from pipeline.config import Config
from pipeline.core.lifecycle import WORKSPACE
from pipeline.core.words import counted
from pipeline.errors import BooksError, StorageError, UsageError
from pipeline.ledger import Ledger
from pipeline.ledger.integrity import integrity
from pipeline.ledger.online_groups import is_online
from pipeline.records import Nano, Say
from pipeline.session.account import resolve_account
from pipeline.session.mirror import Mirror
from pipeline.session.recall import FORMER_TABLE
from pipeline.session.session import open_session
from pipeline.session.settings import RunSettings
from pipeline.stages.batch_record import read_batch_records
from pipeline.stages.collect import collect_batches, settle_from_files
from pipeline.stages.context import StageContext
from pipeline.stages.reconcile import adopt_batch, reconcile
from pipeline.stages.recover import doubtful_shard, is_ours
from pipeline.stages.values import RunTotals
from pipeline.system.clock import Clock
from pipeline.system.failpoints import reached
from pipeline.system.files import publish, storage_error
from pipeline.system.workspace import Workspace

_NO_TABLE = (
    "no table of captions is here, which would tell how pictures were prepared: an image that an "
    "earlier version prepared otherwise than this one is taken for a new one. The next run shows "
    "the price before anything is sent; a copy of the table, put in its place before a rebuild, "
    "spares it"
)


class RebuildResult(Struct):
    """Counts of a rebuild: batches, answered requests, nano-dollars, and what is still in doubt."""

    batches: int
    answers: int
    settled: Nano
    open: int
    doubtful: int
    problems: list[str]


def rebuild(
    config: Config,
    say: Say,
    *,
    mirror: str | None = None,
    clock: Clock | None = None,
    at: Say = lambda _text: None,
) -> RebuildResult:
    """Build the ledger of a workspace anew; the next run links the images to what is paid for.

    Args:
        mirror: address of the mirror that the workspace's files are taken from first.
        at: is called with how far it is, in words.

    Raises:
        UsageError: there is a healthy ledger, or nothing tells which batches are ours.
        ServiceError: the service did not list all; there is no new ledger.
    """
    settings = RunSettings.of(config)
    _, workspace = resolve_account(settings.account)
    if mirror is not None:
        settings = replace(settings, mirror=mirror)
        _restore(settings, workspace, say)
    _require_loss(workspace)
    building = workspace.root / "_ledger.db"
    with open_session(settings, "rebuild", say, clock=clock, building=building) as session:
        context = session.context
        result = _gather(context, at)
        if not _set_aside(workspace, context.ledger, session.table) and result.answers:
            say(_NO_TABLE)
        context.ledger.close()
        reached("rebuild.before_publish")
        try:
            publish(building, workspace.ledger)
        except OSError as error:
            raise storage_error(workspace.ledger, error) from error
    return result


def _restore(settings: RunSettings, workspace: Workspace, say: Say) -> None:
    """Bring the files of a mirror here, where there is no workspace yet; after a kill again."""
    if workspace.ledger.exists():
        raise UsageError(
            f"{workspace.root} has a ledger: a mirror is taken into a folder without one"
        )
    count = Mirror(settings.mirror, settings.engine.storage).restore(workspace)
    say(f"{counted(count, 'file')} from {settings.mirror}")


def _gather(context: StageContext, at: Say) -> RebuildResult:
    """Rebuild from the files here, which needs no service; then from what the service has."""
    totals = RunTotals()
    # groups of online requests were taken in when the session was opened
    records = read_batch_records(context.workspace, lambda batch_id: not is_online(batch_id))
    ours = [batch for batch in records if is_ours(context, batch)]
    for number, batch in enumerate(ours, 1):
        at(f"reading batch {number:,} of {len(ours):,}")
        adopt_batch(context, batch)
        settle_from_files(context, batch, totals)
    reached("rebuild.settled_kept")
    reconcile(context)
    doubtful = sum(doubtful_shard(context, path) for path in _unknown_files(context))
    collect_batches(context, totals)
    ledger = context.ledger
    ledger.acknowledge("adopted")  # that a lost ledger knew none of them is why it is rebuilt
    return RebuildResult(
        batches=len(ledger.batches.ids()),
        answers=ledger.answers.count(),
        settled=ledger.reservations.totals().charged,
        open=len(ledger.batches.in_states("open")),
        doubtful=doubtful,
        problems=totals.problems,
    )


def _unknown_files(context: StageContext) -> Iterator[Path]:
    """Request files without a batch: not sent, or their create call is too young to be listed."""
    for path in sorted(context.workspace.shards.glob("[!_]*.jsonl")):
        if context.ledger.shards.by_key(path.stem) is None:
            yield path


def _require_loss(workspace: Workspace) -> None:
    if not workspace.root.is_dir():
        raise UsageError(f"there is no workspace {workspace.root}")
    if workspace.ledger.is_file() and _is_sound(workspace.ledger):
        raise UsageError(
            f"{workspace.ledger} is there and sound; an older copy of it needs no rebuilding, "
            "just run. To build it anew all the same, move it away first"
        )
    if workspace.known_id() is None:
        _remember_id(workspace)


def _is_sound(path: Path) -> bool:
    try:
        with Ledger(path, read_only=True) as ledger:
            return integrity(ledger.database) == []
    except (BooksError, StorageError):
        return False


def _remember_id(workspace: Workspace) -> None:
    """Restore a lost workspace.json from the batch records."""
    if not workspace.used():
        raise UsageError(f"there is nothing to rebuild in {workspace.root}: just run")
    workspace.create(rebuilding=True)
    ids = {batch.metadata.get(WORKSPACE, "") for batch in read_batch_records(workspace)} - {""}
    if len(ids) != 1:
        raise UsageError(
            f"{workspace.id_file} is gone too and {workspace.raw} does not tell the "
            f"workspace's id: look it up at the service, where uploads are named "
            f"captionmill-ID-..., and write "
            f'{{"workspace_id": "ID"}} into {workspace.id_file.name}'
        )
    workspace.remember_id(ids.pop())


def _set_aside(workspace: Workspace, ledger: Ledger, table: Path) -> bool:
    """Set aside a damaged ledger, and the table with rows of images that are no longer in their
    source, from which the next run recalls how the others were prepared; False where there is none.
    A stale journal would be played into the new ledger."""
    try:
        for path in workspace.root.glob("ledger.db*"):
            path.replace(path.with_name(f"lost-{path.name}"))
        backup = _kept_table(workspace, table)
    except OSError as error:
        raise storage_error(workspace.root, error) from error
    if backup is not None:
        ledger.put(FORMER_TABLE, backup.name)
    return backup is not None


def _kept_table(workspace: Workspace, table: Path) -> Path | None:
    """Copy of the table beside those of earlier rebuilds, None where there is no table."""
    if not table.is_file():
        return None
    for number in itertools.count(1):
        suffix = "" if number == 1 else f"-{number}"
        copy = workspace.root / f"captions.before-rebuild{suffix}.parquet"
        if not copy.exists():
            shutil.copyfile(table, copy)
            return copy
        if filecmp.cmp(table, copy, shallow=False):
            return copy
    return None
