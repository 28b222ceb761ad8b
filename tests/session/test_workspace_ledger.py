from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.ledger import Ledger
from pipeline.session.account import Identity
from pipeline.session.workspace_ledger import bind_workspace
from pipeline.system.workspace import Workspace


def test_a_workspace_belongs_to_the_account_that_used_it_first(tmp_path: Path) -> None:
    workspace, first = Workspace(tmp_path / "w"), Identity("openai", "default", None)
    workspace.create()
    with Ledger(workspace.ledger) as ledger:
        for _ in range(2):
            bind_workspace(ledger, first, workspace)
        for other in (Identity("openai", "another", None), Identity("local", "", None)):
            with pytest.raises(UsageError, match="never mixed"):
                bind_workspace(ledger, other, workspace)
