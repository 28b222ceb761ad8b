from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.config import load_config
from pipeline.core.budget_words import COMMAND_LINE
from pipeline.ledger import Ledger
from pipeline.session.caps import CapSettings, remember_cap, remembered_cap
from pipeline.system.workspace import Workspace

USD = 10**9


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path / "ws")
    workspace.create()
    workspace.remember_id("0123456789abcdef")
    return workspace


@pytest.fixture
def ledger(workspace: Workspace) -> Iterator[Ledger]:
    with Ledger(workspace.ledger) as opened:
        yield opened


def settings(cap: object = None, origin: str = COMMAND_LINE) -> CapSettings:
    options = {} if cap is None else {"budget.lifetime": cap}
    return CapSettings.of(load_config(None, options, overrides_from=origin))


def test_a_cap_is_remembered_until_it_is_changed_or_lifted(
    ledger: Ledger, workspace: Workspace
) -> None:
    assert remembered_cap(ledger, workspace) is None
    for cap in (5 * USD, 7 * USD, None):
        remember_cap(ledger, workspace, cap)
        assert remembered_cap(ledger, workspace) == cap
    assert workspace.known_id() == "0123456789abcdef"


def test_a_lost_ledger_does_not_lift_a_cap(
    ledger: Ledger, workspace: Workspace, tmp_path: Path
) -> None:
    remember_cap(ledger, workspace, 5 * USD)
    with Ledger(tmp_path / "new.db") as new:
        assert remembered_cap(new, workspace) == 5 * USD


def test_the_command_line_is_before_the_configuration_is_before_what_is_remembered(
    ledger: Ledger, workspace: Workspace
) -> None:
    remember_cap(ledger, workspace, 5 * USD)
    remembered = settings().with_remembered(ledger, workspace)
    assert (remembered.caps.lifetime, remembered.origins["lifetime"]) == (5 * USD, "remembered")
    configured = settings("3.00", "my.toml")
    assert configured.with_remembered(ledger, workspace) is configured
    lifted = settings("none")
    assert lifted.caps.lifetime is None
    assert lifted.with_remembered(ledger, workspace) is lifted


def test_only_a_command_line_is_one() -> None:
    assert settings("3.00").lifetime_on_command_line
    assert settings("none").lifetime_on_command_line
    assert not settings("3.00", "the overrides").lifetime_on_command_line
    assert not settings().lifetime_on_command_line
