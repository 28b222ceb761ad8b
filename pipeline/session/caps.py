"""Caps in force: from the command line, else from the configuration, else remembered.

Only the cap for a workspace's life is remembered, and only from the command line. A second copy
lies beside the ledger, for the day on which the ledger is lost.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from pipeline.config import Config
from pipeline.core.budget import SCOPES, BudgetCaps
from pipeline.core.budget_words import COMMAND_LINE, REMEMBERED
from pipeline.ledger import Ledger
from pipeline.records import Nano
from pipeline.system.workspace import Workspace

_KEY = "budget_lifetime"  # in the ledger's meta, nano-dollars as text


class CapSettings(Struct, frozen=True):
    """Caps of a budget, and where each comes from.

    Attributes:
        caps: nano-dollars by scope.
        origins: where each cap comes from, by scope.
        lifetime_on_command_line: the cap of the workspace's life, or that there is none, was given
            on the command line.
    """

    caps: BudgetCaps
    origins: Mapping[str, str]
    lifetime_on_command_line: bool

    @classmethod
    def of(cls, config: Config) -> CapSettings:
        """Take the caps from a configuration."""
        budget = config.budget
        return cls(
            BudgetCaps(
                run=budget.run, day=budget.day, month=budget.month, lifetime=budget.lifetime
            ),
            {scope: config.origin_of(f"budget.{scope}") for scope in SCOPES},
            config.origin_of("budget.lifetime") == COMMAND_LINE,
        )

    def with_remembered(self, ledger: Ledger, workspace: Workspace) -> CapSettings:
        """Caps with the remembered one, where none is given and none is configured."""
        if self.lifetime_on_command_line or self.caps.lifetime is not None:
            return self
        cap = remembered_cap(ledger, workspace)
        if cap is None:
            return self
        return replace(
            self,
            caps=replace(self.caps, lifetime=cap),
            origins={**self.origins, "lifetime": REMEMBERED},
        )

    def capped(self, run: Nano) -> CapSettings:
        """Caps with one for this run, unless a lower one is configured."""
        most = run if self.caps.run is None else min(self.caps.run, run)
        origins = {**self.origins, "run": COMMAND_LINE}
        return replace(self, caps=replace(self.caps, run=most), origins=origins)


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
