"""Ledger of a workspace, locked and bound to the account that captions in it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.ledger import Ledger
from pipeline.session.account import BOUND_TO, Identity
from pipeline.session.settings import RunSettings
from pipeline.system.files import remove
from pipeline.system.network_disk import require_local
from pipeline.system.workspace import Workspace


@contextlib.contextmanager
def open_ledger(
    settings: RunSettings,
    identity: Identity,
    workspace: Workspace,
    building: Path | None,
    say: Callable[[str], None],
) -> Iterator[Ledger]:
    """Create, lock and open the workspace's ledger, and bind it to the identity.

    Raises:
        UsageError, Busy, StorageError, BooksError: see the error tree.
    """
    warning = require_local(workspace.root, allow_network=settings.account.allow_network)
    if warning:
        say(warning)
    new = building is None and is_new(workspace)
    workspace.create(rebuilding=building is not None)
    if new:
        say(new_sentence(workspace))
    with workspace.lock():
        workspace.sweep()
        if building is not None:
            _begin_anew(building)
        with Ledger(building or workspace.ledger) as ledger:
            bind_workspace(ledger, identity, workspace)
            share_identity(ledger, workspace)
            yield ledger


def share_identity(ledger: Ledger, workspace: Workspace) -> None:
    """Write the workspace's id down in both places. An older copy of the ledger that still has a
    former id takes the one that its workspace has now."""
    known, former = workspace.known_id(), workspace.former_ids()
    own = ledger.workspace_id(known)
    ledger.identify(known if known is not None and own in former else own, former)
    workspace.remember_id(ledger.workspace_id(), ledger.former_ids())


def is_new(workspace: Workspace) -> bool:
    """Tell whether a workspace is not there yet."""
    return not workspace.exists() and not workspace.used()


def new_sentence(workspace: Workspace) -> str:
    """Words about where a workspace is that was not there before."""
    return f"new workspace {workspace.root}"


def _begin_anew(building: Path) -> None:
    """Remove the files of a rebuild that was killed."""
    for path in building.parent.glob(f"{building.name}*"):
        remove(path)


def bind_workspace(ledger: Ledger, identity: Identity, workspace: Workspace) -> None:
    """Bind a workspace to the provider and account that use it first.

    Raises:
        UsageError: it is bound to another one.
    """
    label = f"{identity.provider}:{identity.account}"
    bound = ledger.get(BOUND_TO)
    if bound is None:
        ledger.put(BOUND_TO, label)
    elif bound != label:
        raise UsageError(
            f"the workspace {workspace.root} belongs to {bound.rstrip(':')!r}, this run would use "
            f"{label.rstrip(':')!r}: captions of different providers are never mixed; name "
            "another one with --workspace"
        )
