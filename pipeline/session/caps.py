"""Caps in force: from the command line, else from the configuration, else remembered.

Only the cap for a workspace's life is remembered, and only from the command line. A second copy
lies beside the ledger, for the day on which the ledger is lost.
"""

from __future__ import annotations

from dataclasses import replace

from pipeline.core.budget_words import REMEMBERED
from pipeline.ledger import Ledger
from pipeline.records import Nano
from pipeline.session.settings import RunSettings
from pipeline.system.workspace import Workspace

_KEY = "budget_lifetime"  # in the ledger's meta, nano-dollars as text


def remembered_cap(ledger: Ledger, workspace: Workspace) -> Nano | None:
    """Cap for the workspace's life that was given on a command line, None without one."""
    text = ledger.get(_KEY) or workspace.known_cap()
    return int(text) if text is not None and text.isdecimal() else None


def remember_cap(ledger: Ledger, workspace: Workspace, cap: Nano | None) -> None:
    """Keep a cap for all later runs; None forgets it.

    Raises:
        StorageError: it cannot be written.
    """
    text = None if cap is None else str(cap)
    if ledger.get(_KEY) != text:
        ledger.put(_KEY, text)
    workspace.remember_cap(text)


def with_remembered_cap(settings: RunSettings, ledger: Ledger, workspace: Workspace) -> RunSettings:
    """Settings with the remembered cap, where none is given and none is configured."""
    if settings.lifetime_on_command_line or settings.caps.lifetime is not None:
        return settings
    cap = remembered_cap(ledger, workspace)
    if cap is None:
        return settings
    return replace(
        settings,
        caps=replace(settings.caps, lifetime=cap),
        cap_origins={**settings.cap_origins, "lifetime": REMEMBERED},
    )
